"""Seconds of a sync that has nothing to do, beside a bare walk of the same folder."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from retrieval import Library
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds
from tests.support.encoders import FakeEncoder

FILES, PER_FOLDER = 5000, 100


def bare_walk(folder: str) -> int:
    """Return how many files a folder holds, by listing and asking each for its size and time: the least one can do."""
    found = 0
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.is_dir():
                found += bare_walk(entry.path)
            else:
                entry.stat()
                found += 1
    return found


def test_a_sync_with_nothing_to_do(tmp_path: Path, benchmark: BenchmarkFixture, table: Table) -> None:
    folder = tmp_path / "photos"
    for number in range(FILES):
        path = folder / f"{number // PER_FOLDER:03}" / f"IMG_{number:05}.bmp"  # BMP: quick to make and to decode
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number % 256, number // 256, 99)).save(path)
    with Library.open(tmp_path / "bench.recall", encoder=FakeEncoder(batch_size=250)) as library:
        assert library.sync(folder).added == FILES
        assert library.sync(folder).unchanged == FILES
        seconds = in_turns(
            benchmark,
            {"Recall": lambda _: library.sync(folder), "listing and asking alone": lambda _: bare_walk(str(folder))},
            rounds=7,
        )
    own, walk = seconds.values()
    group = f"A sync of {FILES:,} unchanged files (ratio: to listing them and asking each for size and time)"
    table.row(group, "Recall", milliseconds(own), ratio=own / walk)
    table.row(group, "listing and asking alone", milliseconds(walk))
