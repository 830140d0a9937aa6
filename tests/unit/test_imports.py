"""What importing loads: what says how to use Recall must not wait for the slow packages."""

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

PROBE = """
import json, sys
from retrieval.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def modules_after(*args: str) -> set[str]:
    """Return the top-level modules that a process holds after `recall ARGS`."""
    run = subprocess.run([sys.executable, "-c", PROBE, *args], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], *([command, "--help"] for command in command_names())], ids=" ".join
)
def test_help_and_version_load_no_slow_package(args: list[str]) -> None:
    loaded = modules_after(*args)
    assert "retrieval" in loaded  # the probe sees what is loaded
    assert not loaded & SLOW


def test_importing_the_public_door_loads_no_slow_package() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, retrieval; print(*(m for m in sys.modules if '.' not in m))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(run.stdout.split()) & SLOW
