"""Vector indexes, for any vectors, compared with plain loops and with each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.types import Ids, Vectors
from indexer.vectors import faiss_flat
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.vectors import HALVES, slow_search, unit_vectors

KINDS = (NumpyIndex, FaissIndex)


@pytest.fixture(autouse=True)
def _small_indexes_use_faiss() -> Iterator[None]:
    """Make FAISS search indexes of more than four vectors, so that these tests use both ways."""
    with patch.object(faiss_flat, "MAX_SCORED_ROWS", 4):
        yield


@st.composite
def rows_by_id(draw: st.DrawFn) -> tuple[Ids, Vectors]:
    """Return ids with gaps, and vectors of halves: exact inner products, many of them equal."""
    ids = draw(st.lists(st.integers(0, 60), unique=True, max_size=25).map(sorted))
    picks = draw(st.lists(st.integers(0, 15), min_size=len(ids), max_size=len(ids)))
    return np.array(ids, dtype=np.int64), HALVES[picks]


def filled(kind: type[NumpyIndex | FaissIndex], ids: Ids, rows: Vectors) -> MutableIndex:
    index = kind(4)
    index.add(ids, rows)
    return index


queries = st.integers(0, 15).map(lambda number: HALVES[number : number + 1])
ks = st.integers(1, 30)
some_ids = st.lists(st.integers(0, 62), unique=True).map(lambda numbers: np.array(sorted(numbers), dtype=np.int64))


@given(rows_by_id(), queries, ks, st.none() | some_ids)
def test_every_kind_gives_the_results_of_plain_loops(
    rows: tuple[Ids, Vectors], query: Vectors, k: int, allowed: Ids | None
) -> None:
    stored = list(zip(rows[0].tolist(), rows[1].tolist(), strict=True))
    expected = slow_search(stored, query[0].tolist(), k, None if allowed is None else set(allowed.tolist()))
    for kind in KINDS:
        neighbors = filled(kind, *rows).search(query, k, allowed=allowed)
        assert (neighbors.ids[0].tolist(), neighbors.scores[0].tolist()) == expected


@given(st.integers(1, 60), st.integers(1, 40), ks, st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_faiss_and_numpy_give_identical_results(n: int, dim: int, k: int, seed: int, copies: int) -> None:
    rows = np.repeat(unit_vectors(n, dim, seed=seed), copies, axis=0)  # equal photos are common
    ids = np.arange(len(rows), dtype=np.int64)
    queries = np.concatenate([rows[:2], unit_vectors(2, dim, seed=seed + 1)])
    by_numpy, by_faiss = NumpyIndex(dim), FaissIndex(dim)
    by_numpy.add(ids, rows)
    by_faiss.add(ids, rows)
    expected, neighbors = by_numpy.search(queries, k), by_faiss.search(queries, k)
    np.testing.assert_array_equal(neighbors.ids, expected.ids)
    np.testing.assert_array_equal(neighbors.scores, expected.scores)


@given(rows_by_id(), some_ids)
def test_removing_vectors_equals_never_adding_them(rows: tuple[Ids, Vectors], removed: Ids) -> None:
    ids, vectors = rows
    remaining = ~np.isin(ids, removed)
    for kind in KINDS:
        index = filled(kind, ids, vectors)
        assert index.remove(removed) == len(ids) - remaining.sum()
        assert index.ids.tolist() == ids[remaining].tolist()
        np.testing.assert_array_equal(index.vectors(ids[remaining]), vectors[remaining])
        other = filled(kind, ids[remaining], vectors[remaining]).search(HALVES, 5)
        np.testing.assert_array_equal(index.search(HALVES, 5).ids, other.ids)


@given(rows_by_id())
def test_add_then_remove_leaves_nothing(rows: tuple[Ids, Vectors]) -> None:
    for kind in KINDS:
        index = filled(kind, *rows)
        index.remove(rows[0])
        assert len(index) == 0
        assert index.search(HALVES[:1], 1).ids.tolist() == [[-1]]


@given(rows_by_id(), st.integers(0, 25))
def test_adding_in_two_parts_equals_adding_at_once(rows: tuple[Ids, Vectors], cut: int) -> None:
    ids, vectors = rows
    for kind in KINDS:
        index = filled(kind, ids[:cut], vectors[:cut])
        index.add(ids[cut:], vectors[cut:])
        np.testing.assert_array_equal(index.search(HALVES, 7).ids, filled(kind, ids, vectors).search(HALVES, 7).ids)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 1000))
def test_a_batch_gives_the_results_of_single_queries(n: int, k: int, seed: int) -> None:
    rows, queries = unit_vectors(n, 16, seed=seed), unit_vectors(5, 16, seed=seed + 1)
    for kind in KINDS:
        index = kind(16)
        index.add(np.arange(n, dtype=np.int64), rows)
        batch = index.search(queries, k)
        for number, query in enumerate(queries):
            single = index.search(query[None], k)
            np.testing.assert_array_equal(single.ids[0], batch.ids[number])
            np.testing.assert_array_equal(single.scores[0], batch.scores[number])


@given(st.integers(1, 60), st.integers(0, 1000))
def test_every_vector_finds_itself_first(n: int, seed: int) -> None:
    rows = unit_vectors(n, 16, seed=seed)
    ids = np.arange(n, dtype=np.int64) * 7
    for kind in KINDS:
        index = kind(16)
        index.add(ids, rows)
        assert index.search(rows, 1).ids[:, 0].tolist() == ids.tolist()


@given(rows_by_id(), some_ids)
def test_a_saved_index_gives_the_same_results(
    tmp_path_factory: pytest.TempPathFactory, rows: tuple[Ids, Vectors], removed: Ids
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "property.index"
    for kind in KINDS:
        index = filled(kind, *rows)
        index.remove(removed)
        index.save(path)
        with path.open("rb") as file:
            loaded = kind.load(file)
        assert loaded.ids.tolist() == index.ids.tolist()
        for left, right in zip(loaded.search(HALVES, 9), index.search(HALVES, 9), strict=True):
            np.testing.assert_array_equal(left, right)
        loaded.add(np.array([1000], dtype=np.int64), HALVES[:1])  # a loaded index can be changed
        assert len(loaded) == len(index) + 1
