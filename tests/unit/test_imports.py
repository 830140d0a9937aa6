"""What importing loads: --help and --version must not wait for slow packages."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from retrieval.cli.group import command_names

SLOW = {
    "PIL",
    "alembic",
    "faiss",
    "numpy",
    "onnxruntime",
    "open_clip",
    "pandas",
    "sqlalchemy",
    "timm",
    "tokenizers",
    "torch",
}

PRINT_MODULES = """
import json, sys
from retrieval.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def modules_after(*args: str) -> set[str]:
    """Return the top-level modules that a process has loaded after `recall ARGS`."""
    run = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES, *args], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], *([command, "--help"] for command in command_names())], ids=" ".join
)
def test_help_and_version_load_no_slow_package(args: list[str]) -> None:
    loaded = modules_after(*args)
    assert "retrieval" in loaded  # else the test would prove nothing
    assert not loaded & SLOW


def test_importing_retrieval_loads_no_slow_package() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, retrieval; print(*(m for m in sys.modules if '.' not in m))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(run.stdout.split()) & SLOW
