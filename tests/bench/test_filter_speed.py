"""Milliseconds of a search that a filter narrows, beside the same search without one, on one warm library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.catalog.filters.expression import Filter
from indexer.store import Store
from retrieval.search.candidates import find_candidates
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds
from tests.support.encoders import FakeEncoder
from tests.support.large_library import SHARES, fill_library, filters_matching
from tests.support.vectors import clustered_vectors, unit_vectors

MANY, DIM, K, ROUNDS = 100_000, 512, 10, 30


@pytest.fixture(scope="module")
def store(scratch: Path) -> Iterator[Store]:
    """Return an open library of `MANY` photos."""
    place = scratch / "filtered.recall"
    fill_library(place, FakeEncoder(dim=DIM), clustered_vectors(MANY, DIM, clusters=MANY // 50, spread=1.0))
    with Store(place, create=False) as opened:
        yield opened


@pytest.mark.parametrize("share", SHARES)
def test_a_search_with_a_filter(store: Store, share: str, benchmark: BenchmarkFixture, table: Table) -> None:
    with store.locked_index() as index:
        picked = index.vectors(index.ids[np.linspace(0, MANY - 1, ROUNDS + 1).astype(int)])
    moved = picked + unit_vectors(ROUNDS + 1, DIM, seed=5)  # near some photos, as descriptions are
    queries = moved / np.linalg.norm(moved, axis=1, keepdims=True)

    def searching(where: Filter | None, *, again: bool) -> Callable[[int], object]:
        def search(number: int) -> object:
            if not again and where is not None:
                store.filter_cache.pop(where, None)
            return find_candidates(store, queries[number], K, where=where)

        return search

    ways: dict[str, Callable[[int], object]] = {"without a filter": searching(None, again=True)}
    for kind, where in filters_matching(share, MANY).items():
        ways[f"{kind}, for the first time"] = searching(where, again=False)
        ways[kind] = searching(where, again=True)
    seconds = in_turns(benchmark, ways, rounds=ROUNDS)
    group = f"One search, the encoder left out, filters that keep {share} of {MANY:,} x {DIM}, k {K} (ratio: to none)"
    for name, value in seconds.items():
        goal = None if name == "without a filter" else 1.5
        table.row(group, name, milliseconds(value), ratio=value / seconds["without a filter"], at_most=goal)
