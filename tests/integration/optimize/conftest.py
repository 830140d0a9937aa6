"""A library large enough for an approximate index, and copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.maintenance import optimize
from indexer.vectors.autotune import ground_truth, trial
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.support.index_choice import COUNT
from tests.support.large_library import fill_library
from tests.support.vectors import mixed_vectors


@pytest.fixture(scope="module")
def compact() -> Encoder:
    return load_encoder("compact")


@pytest.fixture(autouse=True, scope="module")
def fewer_measurements() -> Iterator[None]:
    """Measure fewer depths than users get, in this process; programs that tests start measure all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "PROBE_COUNTS", (64, 256, 1024))
        patch.setattr(trial, "_TIMED_QUERIES", 5)
        for module in (ground_truth, trial):
            patch.setattr(module, "REFINE_COUNTS", (50, 400))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, compact: Encoder) -> Path:
    """Return a library of `COUNT` photos similar to the background prompts."""
    path = tmp_path_factory.mktemp("many") / "test.recall"
    fill_library(path, compact, mixed_vectors(COUNT, background_vectors(compact)))
    return path


@pytest.fixture
def path(base: Path, tmp_path: Path) -> Path:
    """Return a copy of the library, at the path that `recall_program` uses."""
    return Path(shutil.copytree(base, tmp_path / "test.recall"))


@pytest.fixture(scope="module")
def optimized_base(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the library that has an approximate index."""
    path = Path(shutil.copytree(base, tmp_path_factory.mktemp("optimized") / "test.recall"))
    with Library.open(path) as library:
        library.optimize(recall=0.9, memory=3_000_000)
    return path


@pytest.fixture
def optimized(optimized_base: Path, tmp_path: Path) -> Path:
    """Return a copy of the library with an approximate index, at the path that `recall_program` uses."""
    return Path(shutil.copytree(optimized_base, tmp_path / "test.recall"))


@pytest.fixture
def small_auto_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make syncs choose an index from 5,000 photos on."""
    monkeypatch.setattr(optimize, "AUTO_CHOICE_SIZE", 5000)
