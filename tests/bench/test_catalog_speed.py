"""What a large catalog costs: status, the first search, planning at a million items; a sync of 100,000 files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.catalog.statements import sync_state
from indexer.encoders.base import to_unit_length
from indexer.maintenance import optimize
from indexer.maintenance.status import read_status
from indexer.store import Store
from indexer.sync.planner import Planner
from indexer.sync.steps import Unchanged
from indexer.sync.walk_entries import FileStat, Listing
from retrieval import Library
from retrieval.search.candidates import find_candidates
from tests.bench.table import Table
from tests.bench.test_sync_speed import bare_walk
from tests.bench.timing import PROC, in_turns, leave_memory, milliseconds, peak_memory, whole_process
from tests.conftest import ROOT
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library
from tests.support.program import Program

ITEMS, DIM = 1_000_000, 16
"""Few numbers, so that it is the catalog that is measured."""

FEW, MANY = 1000, 100_000


@pytest.fixture(scope="module")
def million(scratch: Path) -> Path:
    """Return a library of `ITEMS` photos that do not exist."""
    random = np.random.default_rng(0)
    place = scratch / "million.recall"
    fill_library(place, FakeEncoder(dim=DIM), to_unit_length(random.standard_normal((ITEMS, DIM), dtype=np.float32)))
    return place


def test_a_million_items(
    million: Path, program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    query = np.full(DIM, DIM**-0.5, dtype=np.float32)

    def opening(then: Callable[[Store], object]) -> Callable[[int], object]:
        def run(_: int) -> object:
            with Store(million, create=False) as store:
                return then(store)

        return run

    def cold(_: int) -> object:
        for file in million.iterdir():
            leave_memory(file)
        return status()

    status = whole_process([program.path, "status", "--library", million], program.env, scratch)
    version = whole_process([program.path, "--version"], program.env, scratch)
    ways = {
        "recall status, the whole process": lambda _: status(),
        "the same, nothing of the library in memory": cold,
        "recall --version, the whole process": lambda _: version(),
        "Library.status": opening(read_status),
        "opening, and the first ten nearest": opening(lambda store: find_candidates(store, query, 10, where=None)),
        "planning, all unchanged": opening(_plan),
    }
    seconds = in_turns(benchmark, ways, rounds=5)
    group = f"A catalog of {ITEMS:,} items (ratio: to half a second, of planning to five)"
    for name, value in seconds.items():
        least = 5 if name.startswith("planning") else 0.5
        table.row(group, name, milliseconds(value), ratio=value / least, at_most=1)


def _plan(store: Store) -> None:
    with store.reading() as connection:
        pages = sync_state.stat_pages(connection, "/photos", 1)
        # what a walk would find if nothing had changed, read from the catalog too: it costs about as much
        found = sync_state.stat_pages(connection, "/photos", 1)
        listings = (Listing(cast("Sequence[FileStat]", page)) for page in found)
        steps = Planner(lambda _: {}, lambda files: [[] for _ in files], lambda _: False).steps(listings, pages)
        unchanged = sum(step.count for step in steps if isinstance(step, Unchanged))
    if unchanged != ITEMS:
        raise RuntimeError(f"{unchanged:,} of {ITEMS:,} are unchanged")


def tiny_pictures(folder: Path, count: int) -> Path:
    """Return a folder of so many pictures of 1 x 1, each another, a hundred to a subfolder."""
    head = b"BM:\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18" + bytes(25)  # BMP: 54 bytes, then pixels
    for number in range(count):
        path = folder / f"{number // 100:04}" / f"IMG_{number:06}.bmp"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(head + number.to_bytes(3, "little") + b"\0")
    return folder


def test_a_sync_of_a_hundred_thousand_files(
    scratch: Path, benchmark: BenchmarkFixture, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (PROC / "self" / "stat").exists():
        pytest.skip("memory is read from /proc, which this system does not have")
    folders = {count: tiny_pictures(scratch / f"tiny-{count}", count) for count in (FEW, MANY)}
    peaks: dict[str, dict[int, int]] = {"the first run": {}, "the second, all unchanged": {}}
    for run in peaks.values():
        for count, folder in folders.items():
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "tests.bench.syncing",
                scratch / f"tiny-{count}.recall",
                folder,
            ]
            run[count] = peak_memory(command, dict(os.environ), ROOT)
    monkeypatch.setattr(optimize, "AUTO_CHOICE_SIZE", sys.maxsize)
    folder = folders[MANY]
    with Library.open(scratch / f"tiny-{MANY}.recall", encoder=FakeEncoder()) as library:
        assert library.sync(folder).unchanged == MANY
        seconds = in_turns(
            benchmark,
            {"Recall": lambda _: library.sync(folder), "listing and asking alone": lambda _: bare_walk(str(folder))},
            rounds=9,
        )
    own, walk = seconds.values()
    group = f"A sync of {MANY:,} unchanged files (ratio: to listing them and asking each for size and time)"
    table.row(group, "Recall", milliseconds(own), ratio=own / walk, at_most=2)
    table.row(group, "listing and asking alone", milliseconds(walk))
    group = f"Memory of all processes at its highest, {MANY:,} files, no encoder (ratio: to {FEW:,} files)"
    for name, peak in peaks.items():
        # the second run is small itself: the ids of the index and SQLite's full caches are 6 MB of it
        table.row(group, name, f"{peak[MANY] / 1e6:.0f} MB", ratio=peak[MANY] / peak[FEW], at_most=1.2)
