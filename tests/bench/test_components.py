"""Recall as a component beside LanceDB and Chroma: items in and out by id, and a hundred vectors searched at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.conftest import CACHE
from tests.bench.table import Table
from tests.bench.timing import milliseconds, whole_process
from tests.conftest import ROOT

CHROMA = "1.5.9"

MANY, SOME, DIM = 100_000, 20_000, 512

PLACE = f"{MANY:,} x {DIM} with three metadata values each"

ONE_MS, RATE, GET_MS = 20, 20_000, 1
"""The goals: milliseconds of one item, items a second, milliseconds of one item by its id."""


class NotInstallableError(Exception):
    """Chroma cannot be installed here; the reason is its text."""


def chroma_python(folder: Path) -> Path:
    """Return the Python of an environment with Chroma, made where it is missing.

    Raises:
        NotInstallableError: pip cannot, for instance without a network.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "complete").exists():
        return python
    try:
        venv.create(folder, with_pip=True, clear=True)
        command: list[str | Path] = [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-q",
            f"chromadb=={CHROMA}",
        ]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise NotInstallableError(f"Chroma {CHROMA} cannot be installed: {said.strip().splitlines()[-1]}") from error
    (folder / "complete").touch()
    return python


@pytest.fixture(scope="module")
def faiss_batch(scratch: Path) -> float:
    """Return the milliseconds that bare FAISS takes for the hundred queries."""
    return figures("FAISS", Path(sys.executable), scratch)["batch"]


def figures(name: str, python: Path, scratch: Path) -> dict[str, float]:
    """Return what an engine takes, see `item_engines.measured`."""
    folder = scratch / f"items-{name}"
    folder.mkdir()
    command: list[str | Path] = [
        python,
        ROOT / "tests" / "bench" / "item_engines.py",
        name,
        folder,
        str(MANY),
        str(SOME),
        str(DIM),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ANONYMIZED_TELEMETRY": "False"}
    output = whole_process(command, env, ROOT)()
    read: dict[str, float] = json.loads(output.splitlines()[-1])
    return read


@pytest.mark.parametrize("name", ["Recall", "LanceDB", "Chroma"])
def test_items_and_vectors(
    name: str, faiss_batch: float, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    python = Path(sys.executable)
    if name == "LanceDB":
        pytest.importorskip("lancedb", reason="LanceDB is not installed")
    if name == "Chroma":
        try:
            python = chroma_python(CACHE / f"chroma-{CHROMA}")
        except NotInstallableError as error:
            pytest.skip(str(error))
    found = benchmark.pedantic(figures, args=(name, python, scratch), rounds=1)  # type: ignore[no-untyped-call]  # no types yet
    has_goal = name == "Recall"
    table.row(
        f"One item, its vector given, into {SOME:,} x {DIM}, on disk (ratio: to {ONE_MS} ms)", name,
        milliseconds(found["one"] / 1e3), ratio=found["one"] / ONE_MS, at_most=1 if has_goal else None,
    )  # fmt: skip
    table.row(
        f"{PLACE} added (ratio: to {RATE:,} a second)", name,
        f"{found['rate']:,.0f} a second", ratio=found["rate"] / RATE, at_least=1 if has_goal else None,
    )  # fmt: skip
    together = f"100 vectors searched among {MANY:,} x {DIM}, k 10 (ratio: to bare FAISS, exact in memory)"
    if has_goal:
        table.row(together, "bare FAISS", milliseconds(faiss_batch / 1e3), ratio=1.0)
    table.row(
        together, name, milliseconds(found["batch"] / 1e3), ratio=found["batch"] / faiss_batch,
        at_most=1.5 if has_goal else None,
    )  # fmt: skip
    table.row(
        f"One item by its id among {MANY:,} (ratio: to {GET_MS} ms)", name,
        milliseconds(found["get"] / 1e3), ratio=found["get"] / GET_MS, at_most=1 if has_goal else None,
    )  # fmt: skip
