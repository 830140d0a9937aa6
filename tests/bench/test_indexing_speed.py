"""Photos a second: `recall index` as a user runs it, beside its decoders alone and its encoder alone."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.images.workers import DecodePool
from tests.bench.conftest import MANY, SOME
from tests.bench.doors import Doors, prepared
from tests.bench.table import Table
from tests.bench.timing import in_turns, whole_process
from tests.support.program import Program

WORKERS = os.cpu_count() or 1

HELD = 256
"""Prepared pictures that the encoder alone is given again and again: 2,000 would take 300 MB."""


@pytest.mark.parametrize(
    ("short", "photos", "count"),
    [("compact", "many_photos", MANY), ("ViT-B-32", "some_photos", SOME), ("ViT-B-32+int8", "some_photos", SOME)],
)
def test_indexing(
    short: str,
    photos: str,
    count: int,
    request: pytest.FixtureRequest,
    doors: Doors,
    program: Program,
    scratch: Path,
    benchmark: BenchmarkFixture,
    table: Table,
) -> None:
    encoder = doors.cpu(short)
    folder: Path = request.getfixturevalue(photos)
    paths = sorted(folder.iterdir())
    pixels = prepared(paths[:HELD], encoder.preprocess, workers=WORKERS)
    library = scratch / "indexing.recall"
    options: list[str | Path] = ["--library", library, "--encoder", doors.name(short), "--device", "cpu", "--json"]
    run = whole_process([program.path, "index", folder, *options], program.env, scratch)
    totals: list[float] = []

    def index(_: int) -> None:
        shutil.rmtree(library, ignore_errors=True)
        report = json.loads(run())
        assert report["added"] == count
        totals.append(report["seconds"]["total"])

    def decode(_: int) -> None:
        with DecodePool(preprocess=encoder.preprocess, workers=WORKERS) as pool:
            assert sum(1 for _ in pool.imap(paths, path_of=Path)) == count

    def encode(_: int) -> None:
        for start in range(0, count, encoder.batch_size):
            first = start % (HELD - encoder.batch_size)
            encoder.encode_images(pixels[first : first + min(encoder.batch_size, count - start)])

    seconds = in_turns(benchmark, {"index": index, "decode": decode, "encode": encode}, rounds=3, warm_up=0)
    whole, decoding, encoding = (count / value for value in seconds.values())
    indexing = count / statistics.median(totals)
    group = f"Indexing, {short}: {count:,} mixed photos, {WORKERS} cores (ratio: of recall index to the row)"
    add_rows(table, group, indexing=indexing, whole=whole, decoding=decoding, encoding=encoding)


def add_rows(table: Table, group: str, *, indexing: float, whole: float, decoding: float, encoding: float) -> None:
    """Add the photos per second of each stage, with the share of it that `recall index` reaches."""
    table.row(group, "recall index", f"{indexing:.0f} a second")
    table.row(group, "the same with the program's start", f"{whole:.0f} a second", ratio=indexing / whole)
    slower = min(decoding, encoding)
    for name, value in (("decoding alone", decoding), ("encoding alone", encoding)):
        goal = 0.9 if value == slower else None
        table.row(group, name, f"{value:.0f} a second", ratio=indexing / value, at_least=goal)
    shared = 1 / (1 / decoding + 1 / encoding)
    bound = "what the cores can do if both need all of them"
    table.row(group, bound, f"{shared:.0f} a second", ratio=indexing / shared)
