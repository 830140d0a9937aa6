"""Milliseconds to decode a photo of 12 million pixels, at once smaller or in full, and what that does to its vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.images import open_picture, prepare, read_pixels
from indexer.types import Pixels
from tests.bench.doors import Doors
from tests.bench.material import save_large
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds

PHOTOS = 18
"""Three cuts of each demo photo."""


def test_large_jpegs(doors: Doors, tmp_path: Path, benchmark: BenchmarkFixture, table: Table) -> None:
    encoder = doors.cpu("compact")
    files = [tmp_path / f"{number:02}.jpg" for number in range(PHOTOS)]
    for number, file in enumerate(files):
        save_large(file, number)

    def quickly(number: int) -> Pixels:
        return read_pixels(files[number % PHOTOS], preprocess=encoder.preprocess)

    def in_full(number: int) -> Pixels:
        return prepare(open_picture(files[number % PHOTOS])[0], encoder.preprocess)

    seconds = in_turns(benchmark, {"reduced while decoding": quickly, "decoded in full": in_full}, rounds=PHOTOS)
    quick, slow = (
        encoder.encode_images(np.stack([decoded(number) for number in range(PHOTOS)])) for decoded in (quickly, in_full)
    )
    group = "One JPEG of 12 million pixels, for compact (ratio: to decoding in full)"
    reduced, full = seconds.values()
    table.row(group, "reduced while decoding (JPEG draft)", milliseconds(reduced), ratio=reduced / full)
    table.row(group, "decoded in full", milliseconds(full))
    cosines = (quick * slow).sum(axis=1)
    mean = f"mean {cosines.mean():.4f}"
    table.row(group, "smallest cosine between both", mean, ratio=float(cosines.min()), at_least=0.995)
