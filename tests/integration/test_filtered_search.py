"""A filter never costs recall: search returns the k results that a plain loop over all matches finds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select

from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS
from indexer.store import Store
from indexer.types import Vectors
from indexer.vectors.base import HalfVectors, from_half
from retrieval.search.candidates import find_candidates
from tests.support.encoders import FakeEncoder
from tests.support.large_library import SHARES, fill_library, filters_matching
from tests.support.vectors import clustered_vectors, unit_vectors

MANY, DIM = 100_000, 16


@pytest.fixture(scope="module")
def rows() -> HalfVectors:
    """Return the vectors of a library, shape (MANY, DIM), float16; item n has row n - 1."""
    vectors = clustered_vectors(MANY, DIM, clusters=500, spread=1.0).astype(np.float16)
    vectors[1000:1200] = vectors[1000]  # some are equal
    return vectors


@pytest.fixture(scope="module")
def vectors(rows: HalfVectors) -> Vectors:
    """Return the same vectors with unit length in float32, as they are searched."""
    return from_half(rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, rows: HalfVectors) -> Iterator[Store]:
    """Return an open library of `MANY` photos."""
    path = tmp_path_factory.mktemp("many") / "many.recall"
    fill_library(path, FakeEncoder(dim=DIM), rows.astype(np.float32))
    with Store(path, create=False) as store:
        yield store


def matching_items(store: Store, where: Filter) -> list[int]:
    """Return the items that pass a filter, by its SQL condition alone."""
    with store.reading() as connection:
        return list(connection.scalars(select(ITEMS.c.id).where(where.condition()).order_by(ITEMS.c.id)))


def nearest(vectors: Vectors, query: Vectors, items: list[int], k: int) -> list[tuple[float, int]]:
    """Return score and id of the k best of these items, ties by id."""
    rows = np.array(items, dtype=np.int64) - 1
    scores = np.einsum("nd,d->n", vectors[rows], query, dtype=np.float32)
    order = np.lexsort((rows, -scores))[:k]
    return [(float(scores[position]), items[position]) for position in order.tolist()]


@pytest.mark.parametrize("share", SHARES)
def test_the_k_best_that_pass_a_filter_are_found(store: Store, vectors: Vectors, share: str) -> None:
    queries = unit_vectors(2, DIM, seed=9)
    for kind, where in filters_matching(share, MANY).items():
        items = matching_items(store, where)
        assert SHARES[share] * 0.8 < len(items) / MANY < SHARES[share] * 1.4, kind
        for query in (*queries, vectors[items[0] - 1], -vectors[items[-1] - 1]):
            candidates = find_candidates(store, query, 10, where=where)
            expected = nearest(vectors, query, items, 10)
            assert candidates.scores.tolist() == pytest.approx([score for score, _ in expected], abs=1e-5), kind
            assert [item.item_id for item in candidates.items] == [item for _, item in expected], kind


def test_a_match_that_is_far_from_the_query_is_found(store: Store, vectors: Vectors) -> None:
    query = unit_vectors(1, DIM, seed=4)[0]
    worst = nearest(vectors, -query, list(range(1, MANY + 1)), 300)[-1][1]
    where = Filter.name(f"img_{worst - 1:06}.jpg")
    assert [item.item_id for item in find_candidates(store, query, 10, where=where).items] == [worst]


def test_a_k_beyond_the_matches_gives_all_matches(store: Store) -> None:
    where = Filter.tag("0.1 %")
    candidates = find_candidates(store, unit_vectors(1, DIM)[0], 5000, where=where)
    assert sorted(item.item_id for item in candidates.items) == matching_items(store, where)
    assert len(candidates) == 100


def test_ties_are_ordered_by_item_id_for_every_k(store: Store, vectors: Vectors) -> None:
    query = vectors[1000]
    for k in (1, 30, 199):
        for where in (None, Filter.name("*")):
            assert [item.item_id for item in find_candidates(store, query, k, where=where).items] == list(
                range(1001, 1001 + k)
            )


def test_a_longer_result_begins_with_the_shorter_ones(store: Store, vectors: Vectors) -> None:
    query, where = vectors[1000], Filter.tag("10 %")
    whole = [item.item_id for item in find_candidates(store, query, 400, where=where).items]
    for end in (1, 10, 37, 200, 399):
        assert [item.item_id for item in find_candidates(store, query, end, where=where).items] == whole[:end]
