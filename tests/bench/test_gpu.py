"""With a GPU: photos a second beside what its encoder can do, and queries a second beside the CPU."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.images.workers import DecodePool
from indexer.types import Vectors
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.gpu.index import QUERIES_BEFORE_UPLOAD, GpuIndex
from indexer.vectors.gpu.select import backend_for
from tests.bench.conftest import MANY
from tests.bench.doors import Doors, prepared
from tests.bench.table import Table
from tests.bench.timing import in_turns, whole_process
from tests.support.program import Program
from tests.support.vectors import clustered_vectors, unit_vectors

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

WORKERS = os.cpu_count() or 1
DEVICE = "cuda"
CALLS = 8
"""Calls of the encoder that are timed together."""


def indexing_run(
    program: Program, photos: Path, encoder: str, scratch: Path, totals: list[float]
) -> Callable[[int], None]:
    """Return what indexes the photos into a new library, and adds the seconds without loading to `totals`."""
    library = scratch / "gpu.recall"
    options: list[str | Path] = ["--library", library, "--encoder", encoder, "--device", DEVICE, "--json"]
    run = whole_process([program.path, "index", photos, *options], program.env, scratch)

    def index(_: int) -> None:
        shutil.rmtree(library, ignore_errors=True)
        report = json.loads(run())
        assert report["added"] == MANY
        totals.append(report["seconds"]["total"] - report["seconds"]["load"])  # torch takes seconds to import

    return index


@pytest.mark.parametrize("short", ["compact", "ViT-B-32"])
def test_indexing(
    short: str,
    doors: Doors,
    program: Program,
    many_photos: Path,
    scratch: Path,
    benchmark: BenchmarkFixture,
    table: Table,
) -> None:
    encoder = OpenClipEncoder.load(doors.name(short), device=DEVICE)
    size, paths = encoder.batch_size, sorted(many_photos.iterdir())
    pixels = prepared(paths[:size], encoder.preprocess, workers=WORKERS)
    there = torch.from_numpy(pixels).to(DEVICE)
    totals: list[float] = []
    index = indexing_run(program, many_photos, doors.name(short), scratch, totals)

    def decode(_: int) -> None:
        with DecodePool(preprocess=encoder.preprocess, workers=WORKERS) as pool:
            assert sum(1 for _ in pool.imap(paths, path_of=Path, min_ahead=lambda: 2 * size)) == MANY

    def ceiling(_: int) -> None:
        with torch.inference_mode():
            for _ in range(CALLS):
                encoder._encode_part(there)
        torch.cuda.synchronize()

    def encode(_: int) -> None:
        for _ in range(CALLS):
            encoder.encode_images(pixels)

    ways = {"index": index, "decode": decode, "ceiling": ceiling, "encode": encode}
    seconds = in_turns(benchmark, ways, rounds=3)
    indexing = MANY / statistics.median(totals[1:])
    decoding = MANY / seconds["decode"]
    most, encoding = (CALLS * size / seconds[name] for name in ("ceiling", "encode"))
    gpu = torch.cuda.get_device_name()
    group = (
        f"Indexing on a GPU, {short}: {MANY:,} mixed photos, {WORKERS} cores, {gpu} (ratio: to the encoder's ceiling)"
    )
    add_rows(table, group, most=most, encoding=encoding, decoding=decoding, indexing=indexing)


def add_rows(table: Table, group: str, *, most: float, encoding: float, decoding: float, indexing: float) -> None:
    """Add the photos per second of each stage, with its share of the encoder's ceiling."""
    table.row(group, "the encoder's ceiling: pictures that are there", f"{most:.0f} a second")
    table.row(group, "encoding alone, copies included", f"{encoding:.0f} a second", ratio=encoding / most)
    table.row(group, "decoding alone", f"{decoding:.0f} a second", ratio=decoding / most)
    table.row(group, "recall index, without loading the encoder", f"{indexing:.0f} a second", ratio=indexing / most)
    slower = "of that, to the slower of decoding and encoding"
    table.row(group, slower, "", ratio=indexing / min(decoding, encoding), at_least=0.9)


@pytest.mark.parametrize("n", [100_000, 1_000_000])
@pytest.mark.parametrize("batch", [1, 100])
def test_searching(n: int, batch: int, benchmark: BenchmarkFixture, table: Table) -> None:
    dim, k, rounds = 512, 10, 10
    exact = FaissIndex(dim)
    exact.add(np.arange(n, dtype=np.int64), clustered_vectors(n, dim, clusters=n // 50, spread=1.0))
    on_gpu = GpuIndex(exact, lambda: backend_for(DEVICE, dim))
    picked = exact.vectors(np.linspace(0, n - 1, batch * (rounds + 1)).astype(np.int64))
    queries: Vectors = picked + unit_vectors(len(picked), dim, seed=5)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    on_gpu.search(queries[: QUERIES_BEFORE_UPLOAD + 1], k)  # fills the card: so many are worth it
    assert on_gpu.search(queries[:5], k).ids.tolist() == exact.search(queries[:5], k).ids.tolist()
    assert on_gpu.fits

    def part(number: int) -> Vectors:
        return queries[number * batch : (number + 1) * batch]

    ways = {
        "on the GPU": lambda number: on_gpu.search(part(number), k),
        "on the CPU, exact": lambda number: exact.search(part(number), k),
    }
    seconds = in_turns(benchmark, ways, rounds=rounds)
    kind = type(backend_for(DEVICE, dim)).__name__
    cards = f"{kind}, {torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    group = f"Searching on a GPU: {n:,} x {dim}, k {k}, {batch} at once, {cards} (ratio: to the CPU)"
    for name, value in seconds.items():
        rate = f"{batch / value:,.0f} queries a second"
        table.row(group, name, rate, ratio=seconds["on the CPU, exact"] / value)
