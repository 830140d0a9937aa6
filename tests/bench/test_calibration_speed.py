"""Milliseconds of a warm search with probabilities, beside the same search without them, on one library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.store import Store
from indexer.types import Vectors
from retrieval.calibration.calibrator import Calibrator
from retrieval.calibration.fitted import CALIBRATED
from retrieval.query.encoded import EncodedQuery
from retrieval.query.query import Query
from retrieval.search.engine import search
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds
from tests.support.encoders import FakeEncoder
from tests.support.large_library import fill_library
from tests.support.vectors import clustered_vectors, unit_vectors

MANY, DIM, K, ROUNDS = 100_000, 384, 10, 60


class Scattered(FakeEncoder):
    """Gives each text a direction of its own, as a background needs it; the words mean nothing."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return unit_vectors(len(texts), DIM, seed=len(texts))


@pytest.fixture(scope="module")
def encoder() -> Scattered:
    return Scattered(dim=DIM, fingerprint=min(CALIBRATED))


@pytest.fixture(scope="module")
def store(scratch: Path, encoder: Scattered) -> Iterator[Store]:
    """Return an open library of `MANY` photos."""
    place = scratch / "calibrated.recall"
    fill_library(place, encoder, clustered_vectors(MANY, DIM, clusters=MANY // 50, spread=1.0))
    with Store(place, create=False) as opened:
        yield opened


@pytest.mark.parametrize("pictured", [False, True], ids=["words", "picture"])
def test_a_search_with_probabilities(
    store: Store, encoder: Scattered, pictured: bool, benchmark: BenchmarkFixture, table: Table
) -> None:
    with store.locked_index() as index:
        picked = index.vectors(index.ids[np.linspace(0, MANY - 1, ROUNDS + 1).astype(int)])
    moved = picked + unit_vectors(ROUNDS + 1, DIM, seed=5)  # near some photos, as descriptions are
    queries = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    calibrator = Calibrator(store)

    def searching(by: Calibrator | None) -> Callable[[int], object]:
        def ask(number: int) -> object:
            query = EncodedQuery(Query(["a query"]), queries[number][None], [float(pictured)])
            hits = search(store, query, k=K, hybrid=False, calibrator=by)
            assert (hits.expected is not None) == (by is not None)
            return hits

        return ask

    seconds = in_turns(
        benchmark, {"without": searching(None), "with probabilities": searching(calibrator)}, rounds=ROUNDS
    )
    what = "a picture" if pictured else "words"
    group = f"One search by {what}, the encoder left out: {MANY:,} x {DIM}, k {K} (ratio: to the one without)"
    for name, value in seconds.items():
        goal = None if name == "without" else 1.1
        table.row(group, name, milliseconds(value), ratio=value / seconds["without"], at_most=goal)
