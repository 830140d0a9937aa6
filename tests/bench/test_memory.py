"""Bytes in memory while indexing, over all processes: they must not grow with the number of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.material import small_pictures
from tests.bench.table import Table
from tests.bench.timing import PROC, peak_memory
from tests.support.program import Program

FEW, MANY = 2000, 20_000


def test_memory_does_not_grow_with_the_number_of_files(
    program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    if not (PROC / "self" / "stat").exists():
        pytest.skip("memory is read from /proc, which this system does not have")
    peaks = {}

    def index(count: int) -> None:
        folder = small_pictures(scratch / f"small-{count}", count)
        library = scratch / f"small-{count}.recall"
        command: list[str | Path] = [program.path, "index", folder, "--library", library, "--device", "cpu", "--json"]
        peaks[count] = peak_memory(command, program.env, scratch)

    index(FEW)
    benchmark.pedantic(index, args=(MANY,))  # type: ignore[no-untyped-call]  # no types yet
    group = f"Memory of all processes at its highest, compact (ratio: to {FEW:,} files)"
    table.row(group, f"recall index, {FEW:,} files", f"{peaks[FEW] / 1e6:.0f} MB")
    ratio = peaks[MANY] / peaks[FEW]
    table.row(group, f"recall index, {MANY:,} files", f"{peaks[MANY] / 1e6:.0f} MB", ratio=ratio, at_most=1.1)
