"""What the measurements share: one folder, one home, the encoders, and the tables at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.doors import Doors
from tests.bench.material import mixed_photos
from tests.bench.measurements import TABLES
from tests.bench.table import Table, machine
from tests.conftest import ROOT
from tests.support.program import Program, program_env

TABLE = pytest.StashKey[Table]()
STARTED = pytest.StashKey[str]()

CACHE = ROOT / ".work" / "bench"
"""Kept from run to run, since it takes minutes to make: a program to compare with, and its model. It may be deleted."""

FLICKR = ROOT.parent / "shared" / "data" / "flickr8k"

MANY, SOME = 2000, 150
"""Photos that fast and slow encoders are measured with."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()
    config.stash[STARTED] = machine()


def pytest_itemcollected(item: pytest.Item) -> None:
    # what is skipped has measured nothing, of which pytest-benchmark warns
    item.add_marker(pytest.mark.filterwarnings("ignore:Benchmark fixture was not used"))


@pytest.hookimpl(trylast=True)  # behind the list of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("measured")
    terminalreporter.write_line(f"{config.stash[STARTED]} at the start")
    for line in config.stash[TABLE].lines():
        terminalreporter.write_line(line)
    terminalreporter.write_line("")
    for kind in ("skipped", "failed", "error"):
        for report in terminalreporter.getreports(kind):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "it failed, see above"
            terminalreporter.write_line(f"not measured: {report.nodeid.rpartition('::')[2]}: {reason}")
    if TABLES in os.environ:  # `make bench`: the manual includes them
        Path(os.environ[TABLES]).write_text("\n".join(config.stash[TABLE].lines()), encoding="utf-8")


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """Return the tables that are printed at the end."""
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Return a folder for gigabytes, gone after the run."""
    with tempfile.TemporaryDirectory(prefix="recall-bench-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def program(recall_path: Path, scratch: Path) -> Program:
    """Return the installed program with a home of its own, which it shares with the encoders of this process."""
    # for all programs that are compared: Recall switches ONNX Runtime's reports off, the others would pay for them
    return Program(path=recall_path, env=program_env(scratch) | {"ORT_DISABLE_TELEMETRY": "1"}, cwd=scratch)


@pytest.fixture(scope="session")
def doors(program: Program, scratch: Path) -> Iterator[Doors]:
    """Return the encoders; what Recall caches of them is in the program's home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, program.env[name])
        patch.delenv("XDG_CACHE_HOME", raising=False)
        patch.delenv("XDG_DATA_HOME", raising=False)
        folder = scratch / "models"
        folder.mkdir()
        yield Doors(folder)


@pytest.fixture(scope="session")
def many_photos(scratch: Path) -> Path:
    """Return a folder of `MANY` photos, see `mixed_photos`."""
    return mixed_photos(scratch / "many", MANY, FLICKR / "images")


@pytest.fixture(scope="session")
def some_photos(scratch: Path) -> Path:
    """Return a folder of `SOME` photos, see `mixed_photos`."""
    return mixed_photos(scratch / "some", SOME, FLICKR / "images")
