"""A filter never costs recall: k results come back, the same that a plain loop over what is kept finds."""

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
from retrieval.search.candidates import find
from tests.support.encoders import FakeEncoder
from tests.support.many import SHARES, fill, filters_keeping
from tests.support.vectors import clustered_vectors, unit_vectors

MANY, DIM = 100_000, 16


@pytest.fixture(scope="module")
def rows() -> HalfVectors:
    """Return what the library holds, shape (MANY, DIM), float16; item n has row n - 1."""
    made = clustered_vectors(MANY, DIM, clusters=500, spread=1.0).astype(np.float16)
    made[1000:1200] = made[1000]  # some that are all the same
    return made


@pytest.fixture(scope="module")
def vectors(rows: HalfVectors) -> Vectors:
    """Return the same at unit length in float32, which is what is searched."""
    return from_half(rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, rows: HalfVectors) -> Iterator[Store]:
    """Return an open library of `MANY` photos."""
    place = tmp_path_factory.mktemp("many") / "many.recall"
    fill(place, FakeEncoder(dim=DIM), rows.astype(np.float32))
    with Store(place, create=False) as opened:
        yield opened


def kept_items(store: Store, where: Filter) -> list[int]:
    """Return the items that a filter keeps: its own condition, without any of the ways to be fast."""
    with store.reading() as connection:
        return list(connection.scalars(select(ITEMS.c.id).where(where.condition()).order_by(ITEMS.c.id)))


def nearest(vectors: Vectors, query: Vectors, items: list[int], k: int) -> list[tuple[float, int]]:
    """Return score and item of the k best of some items, ties by item id."""
    rows = np.array(items, dtype=np.int64) - 1
    scores = np.einsum("nd,d->n", vectors[rows], query, dtype=np.float32)
    order = np.lexsort((rows, -scores))[:k]
    return [(float(scores[place]), items[place]) for place in order.tolist()]


@pytest.mark.parametrize("share", SHARES)
def test_with_a_filter_the_k_best_of_what_it_keeps_come_back(store: Store, vectors: Vectors, share: str) -> None:
    queries = unit_vectors(2, DIM, seed=9)
    for kind, where in filters_keeping(share, MANY).items():
        items = kept_items(store, where)
        assert SHARES[share] * 0.8 < len(items) / MANY < SHARES[share] * 1.4, kind
        for query in (*queries, vectors[items[0] - 1], -vectors[items[-1] - 1]):
            found = find(store, query, 10, where=where)
            expected = nearest(vectors, query, items, 10)
            assert found.scores.tolist() == pytest.approx([score for score, _ in expected], abs=1e-5), kind
            assert [item.item_id for item in found.items] == [item for _, item in expected], kind


def test_what_is_kept_and_unlike_the_query_is_found_too(store: Store, vectors: Vectors) -> None:
    query = unit_vectors(1, DIM, seed=4)[0]
    worst = nearest(vectors, -query, list(range(1, MANY + 1)), 300)[-1][1]
    where = Filter.name(f"img_{worst - 1:06}.jpg")
    assert [item.item_id for item in find(store, query, 10, where=where).items] == [worst]


def test_more_than_there_are_gives_all_that_are_kept(store: Store) -> None:
    where = Filter.tag("0.1 %")
    found = find(store, unit_vectors(1, DIM)[0], 5000, where=where)
    assert sorted(item.item_id for item in found.items) == kept_items(store, where)
    assert len(found) == 100


def test_of_equal_scores_the_smallest_items_come_back_whatever_their_number(store: Store, vectors: Vectors) -> None:
    query = vectors[1000]
    for k in (1, 30, 199):
        for where in (None, Filter.name("*")):
            assert [item.item_id for item in find(store, query, k, where=where).items] == list(range(1001, 1001 + k))


def test_pages_neither_overlap_nor_leave_anything_out(store: Store, vectors: Vectors) -> None:
    query, where = vectors[1000], Filter.tag("10 %")
    whole = [item.item_id for item in find(store, query, 400, where=where).items]
    for end in (1, 10, 37, 200, 399):  # a page is what `find` gives up to its end, without what was before
        assert [item.item_id for item in find(store, query, end, where=where).items] == whole[:end]
