"""Fixtures of the tests of the decode pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.images.workers import DecodePool
from indexer.types import Preprocess
from tests.support.pictures import encoded, quadrants


@pytest.fixture
def preprocess() -> Preprocess:
    """Return settings for small pictures."""
    return Preprocess(32, "squash")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return 40 small pictures of different sizes."""
    paths = [tmp_path / f"{number:02}.png" for number in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(quadrants(32 + 2 * number, 32), "PNG"))
    return paths


@pytest.fixture
def pool(preprocess: Preprocess) -> Iterator[DecodePool]:
    """Return a pool with a single worker, so that a test can send it a signal."""
    with DecodePool(preprocess=preprocess, workers=1, timeout=30) as opened:
        yield opened
