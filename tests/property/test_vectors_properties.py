"""Vector indexes, for any vectors: every kind gives what the slow loops give."""

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
from indexer.vectors.base import VectorIndex
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.vectors import HALVES, slow_search, unit_vectors

KINDS = (NumpyIndex, FaissIndex)


@pytest.fixture(autouse=True)
def _few_is_few() -> Iterator[None]:
    """Let FAISS itself search also the small indexes that are made here, but keep both ways in use."""
    with patch.object(faiss_flat, "MAX_SCORED_ROWS", 4):
        yield


@st.composite
def rows_by_id(draw: st.DrawFn) -> tuple[Ids, Vectors]:
    """Return ids with gaps, and vectors of halves: exact inner products, many of them equal."""
    ids = draw(st.lists(st.integers(0, 60), unique=True, max_size=25).map(sorted))
    picks = draw(st.lists(st.integers(0, 15), min_size=len(ids), max_size=len(ids)))
    return np.array(ids, dtype=np.int64), HALVES[picks]


def made(kind: type[NumpyIndex | FaissIndex], ids: Ids, rows: Vectors) -> VectorIndex:
    index = kind(4)
    index.add(ids, rows)
    return index


queries = st.integers(0, 15).map(lambda number: HALVES[number : number + 1])
ks = st.integers(1, 30)
some_ids = st.lists(st.integers(0, 62), unique=True).map(lambda found: np.array(sorted(found), dtype=np.int64))


@given(rows_by_id(), queries, ks, st.none() | some_ids)
def test_every_kind_gives_what_slow_loops_give(
    rows: tuple[Ids, Vectors], query: Vectors, k: int, allowed: Ids | None
) -> None:
    held = list(zip(rows[0].tolist(), rows[1].tolist(), strict=True))
    among = None if allowed is None else set(allowed.tolist())
    expected = slow_search(held, query[0].tolist(), k, among)
    for kind in KINDS:
        nearest = made(kind, *rows).search(query, k, allowed=allowed)
        assert (nearest.ids[0].tolist(), nearest.scores[0].tolist()) == expected


@given(st.integers(1, 60), st.integers(1, 40), ks, st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_faiss_equals_exact_to_the_last_bit(n: int, dim: int, k: int, seed: int, copies: int) -> None:
    rows = np.repeat(unit_vectors(n, dim, seed=seed), copies, axis=0)  # equal photos are common
    ids = np.arange(len(rows), dtype=np.int64)
    asked = np.concatenate([rows[:2], unit_vectors(2, dim, seed=seed + 1)])
    exact, fast = NumpyIndex(dim), FaissIndex(dim)
    exact.add(ids, rows)
    fast.add(ids, rows)
    expected, found = exact.search(asked, k), fast.search(asked, k)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


@given(rows_by_id(), some_ids)
def test_what_is_left_after_removing_is_what_was_never_removed(rows: tuple[Ids, Vectors], gone: Ids) -> None:
    ids, vectors = rows
    left = ~np.isin(ids, gone)
    for kind in KINDS:
        index = made(kind, ids, vectors)
        assert index.remove(gone) == len(ids) - left.sum()
        assert index.ids.tolist() == ids[left].tolist()
        np.testing.assert_array_equal(index.vectors(ids[left]), vectors[left])
        other = made(kind, ids[left], vectors[left]).search(HALVES, 5)
        np.testing.assert_array_equal(index.search(HALVES, 5).ids, other.ids)


@given(rows_by_id())
def test_add_then_remove_leaves_nothing(rows: tuple[Ids, Vectors]) -> None:
    for kind in KINDS:
        index = made(kind, *rows)
        index.remove(rows[0])
        assert len(index) == 0
        assert index.search(HALVES[:1], 1).ids.tolist() == [[-1]]


@given(rows_by_id(), st.integers(0, 25))
def test_adding_in_two_parts_is_adding_at_once(rows: tuple[Ids, Vectors], cut: int) -> None:
    ids, vectors = rows
    for kind in KINDS:
        index = made(kind, ids[:cut], vectors[:cut])
        index.add(ids[cut:], vectors[cut:])
        np.testing.assert_array_equal(index.search(HALVES, 7).ids, made(kind, ids, vectors).search(HALVES, 7).ids)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 1000))
def test_a_batch_of_queries_is_the_single_ones(n: int, k: int, seed: int) -> None:
    rows, asked = unit_vectors(n, 16, seed=seed), unit_vectors(5, 16, seed=seed + 1)
    for kind in KINDS:
        index = kind(16)
        index.add(np.arange(n, dtype=np.int64), rows)
        batch = index.search(asked, k)
        for number, query in enumerate(asked):
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
def test_a_saved_index_gives_the_same_answers(
    tmp_path_factory: pytest.TempPathFactory, rows: tuple[Ids, Vectors], gone: Ids
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "property.index"
    for kind in KINDS:
        index = made(kind, *rows)
        index.remove(gone)
        index.save(path)
        with path.open("rb") as file:
            again = kind.load(file)
        assert again.ids.tolist() == index.ids.tolist()
        for left, right in zip(again.search(HALVES, 9), index.search(HALVES, 9), strict=True):
            np.testing.assert_array_equal(left, right)
        again.add(np.array([1000], dtype=np.int64), HALVES[:1])  # it goes on from there
        assert len(again) == len(index) + 1
