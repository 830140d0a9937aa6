"""What importing loads: --help and --version must not wait for slow packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.store import Store
from retrieval.cli.group import command_names
from tests.conftest import ROOT

SLOW = {
    "PIL",
    "alembic",
    "faiss",
    "fastapi",
    "numpy",
    "onnxruntime",
    "open_clip",
    "pandas",
    "rich",
    "sqlalchemy",
    "textual",
    "textual_image",
    "timm",
    "tokenizers",
    "torch",
    "uvicorn",
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


PRINT_AFTER_SEARCH = """
import sys
from retrieval import Library
from tests.support.encoders import FakeEncoder
with Library.open(sys.argv[1], encoder=FakeEncoder()) as library:
    library.add(texts=["red"], wait=None)
    library.search(sys.argv[2])
print(*sys.modules)
"""

UNDERSTANDING = {"retrieval.query.understanding." + name for name in ("cameras", "dates", "negation", "places")} | {
    f"retrieval.query.{name}" for name in ("date_names", "date_phrases", "parse_values")
}
"""What only queries with dates, places, cameras or negations need."""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dogs playing", set()),
        ("dogs Lisbon", {"places"}),
        ("dogs without people", {"negation"}),
        ("dogs canon", {"cameras"}),
        ("dogs yesterday", {"dates", "date_names", "date_phrases", "parse_values"}),
    ],
)
def test_a_search_loads_what_its_words_may_need(tmp_path: Path, query: str, expected: set[str]) -> None:
    command = [sys.executable, "-c", PRINT_AFTER_SEARCH, str(tmp_path / "test.recall"), query]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    loaded = set(run.stdout.split())
    assert "retrieval.query.understanding.understand" in loaded
    assert {name.rpartition(".")[2] for name in loaded & UNDERSTANDING} == expected


@pytest.mark.parametrize("args", [["--version"], ["status", "--library"]], ids=["version", "status"])
def test_status_and_version_load_nothing_that_searches(tmp_path: Path, args: list[str]) -> None:
    library = tmp_path / "test.recall"
    Store(library, create=True).close()
    script = PRINT_MODULES.replace(' if "." not in name', "")
    command = [sys.executable, "-c", script, *args, *([str(library)] if "--library" in args else [])]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert "retrieval.cli.program" in loaded
    rooms = ("query", "library", "calibration", "search.engine", "duplicates", "evaluation", "tuning")
    searching = tuple(f"retrieval.{room}" for room in rooms)
    assert not [name for name in loaded if name.startswith((*searching, "faiss", "PIL", "onnxruntime", "alembic"))]
