"""Vector indexes: the same tests run over every kind of index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import literal_column

from indexer.types import Ids
from indexer.vectors import faiss_flat
from indexer.vectors.base import LENGTH_TOLERANCE, Condition, MutableIndex, VectorIndex
from indexer.vectors.faiss_flat import MAX_SCORED_ROWS, FaissIndex
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.measurements import SearchDepth
from indexer.vectors.numpy_flat import NumpyIndex
from indexer.vectors.pgvector_index import PgvectorIndex
from tests.support.gpu_backends import BACKENDS, always_on_gpu
from tests.support.indexes import EmptyLists
from tests.support.vectors import HALVES, ids, slow_search, unit_vectors

Make = Callable[[int], MutableIndex]

SERVER = pytest.param("server", marks=pytest.mark.cluster)


@pytest.fixture(params=["numpy", "faiss", "faiss without shortcut", "approximate", *BACKENDS, SERVER])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a maker of empty indexes; from the third kind on, they never use the shortcut for few vectors."""
    if request.param == "numpy":
        return NumpyIndex
    if request.param == "server":
        maker: Make = request.getfixturevalue("server_indexes")
        return maker
    if request.param == "approximate":
        return lambda dim: ApproximateIndex(
            FaissIndex(dim), EmptyLists(), watermark=-1, depths=[SearchDepth(400, 1, 400)]
        )
    if request.param in BACKENDS:
        always_on_gpu(monkeypatch)
        return lambda dim: GpuIndex(NumpyIndex(dim), lambda: BACKENDS[request.param](dim))
    if request.param == "faiss without shortcut":
        monkeypatch.setattr(faiss_flat, "MAX_SCORED_ROWS", 0)
    return FaissIndex


@pytest.fixture
def index(make: Make) -> MutableIndex:
    """Return an index of the 16 vectors of halves under the ids 10, 20, ... 160."""
    index = make(4)
    index.add(ids(*range(10, 170, 10)), HALVES)
    return index


def test_it_implements_the_protocol(make: Make) -> None:
    assert isinstance(make(4), MutableIndex)


def test_score_returns_the_ids_that_exist_and_their_cosines(index: MutableIndex) -> None:
    existing, scores = index.score(HALVES[0], ids(40, -1, 10, 15, 20, 900))
    # the first two vectors differ in one sign (1/2), the first and the fourth in two (0)
    assert (existing.tolist(), scores.tolist()) == ([40, 10, 20], [0.0, 1.0, 0.5])
    existing, scores = index.score(HALVES[0], ids(-1, 5))
    assert (existing.tolist(), scores.tolist()) == ([], [])


@pytest.mark.parametrize("allowed", [None, ids(*range(20, 160, 10)), ids(10, 30, 90, 120, 160)])
def test_a_batch_gives_the_same_results_as_single_queries(index: MutableIndex, allowed: Ids | None) -> None:
    batch = index.search(HALVES, 5, allowed=allowed)
    for row in range(len(HALVES)):
        alone = index.search(HALVES[row : row + 1], 5, allowed=allowed)
        assert batch.ids[row].tolist() == alone.ids[0].tolist()
        assert batch.scores[row].tolist() == alone.scores[0].tolist()


def test_a_condition_gives_the_results_of_its_ids(index: MutableIndex) -> None:
    allowed = ids(10, 30, 90, 120, 160)
    condition = Condition("some", literal_column("id").in_(allowed.tolist()), lambda: allowed)
    expected, found = index.search(HALVES, 4, allowed=allowed), index.search(HALVES, 4, allowed=condition)
    assert (found.ids.tolist(), found.scores.tolist()) == (expected.ids.tolist(), expected.scores.tolist())


def test_it_says_what_it_contains_and_when_that_changes(index: MutableIndex) -> None:
    assert index.contains(ids(40, -1, 10, 15, 40)).tolist() == [True, False, True, False, True]
    assert index.spread_ids(4).tolist() == [10, 60, 110, 160]
    assert index.spread_ids(17).tolist() == list(range(10, 170, 10))
    state = index.state
    index.remove(ids(20))
    assert index.state is not state


def test_an_empty_index_returns_padding(make: Make) -> None:
    index = make(4)
    assert (len(index), index.dim, index.ids.tolist()) == (0, 4, [])
    neighbors = index.search(HALVES[:2], 3)
    assert neighbors.ids.tolist() == [[-1, -1, -1], [-1, -1, -1]]
    assert neighbors.scores.tolist() == [[-np.inf] * 3] * 2
    assert index.remove(ids(1, 2)) == 0
    assert index.vectors(ids()).shape == (0, 4)


def test_results_are_sorted_and_have_their_inner_products(index: MutableIndex) -> None:
    neighbors = index.search(HALVES[:1], 6)
    # the first vector itself (1), the four that differ in one sign (1/2) by id, the first of those with two (0)
    assert neighbors.ids.tolist() == [[10, 20, 30, 50, 90, 40]]
    assert neighbors.scores.tolist() == [[1.0, 0.5, 0.5, 0.5, 0.5, 0.0]]


def test_shapes_and_types_do_not_depend_on_the_input_size(index: MutableIndex) -> None:
    for k in (1, 16, 40):
        for queries in (HALVES[:0], HALVES[:1], HALVES[:3]):
            neighbors = index.search(queries, k)
            assert (neighbors.ids.shape, neighbors.ids.dtype.name) == ((len(queries), k), "int64")
            assert (neighbors.scores.shape, neighbors.scores.dtype.name) == ((len(queries), k), "float32")


def test_search_gives_the_results_of_plain_loops(index: MutableIndex) -> None:
    stored = list(zip(range(10, 170, 10), HALVES.tolist(), strict=True))
    for k in (1, 3, 5, 11, 16, 17):
        neighbors = index.search(HALVES, k)
        for row, query in enumerate(HALVES.tolist()):
            assert (neighbors.ids[row].tolist(), neighbors.scores[row].tolist()) == slow_search(stored, query, k)


def test_fewer_than_k_results_are_padded(index: MutableIndex) -> None:
    neighbors = index.search(HALVES[:1], 20)
    assert neighbors.ids[0, 16:].tolist() == [-1] * 4
    assert neighbors.scores[0, 16:].tolist() == [-np.inf] * 4
    assert sorted(neighbors.ids[0, :16].tolist()) == list(range(10, 170, 10))


def test_vectors_are_returned_in_the_order_of_the_ids(index: MutableIndex) -> None:
    vectors = index.vectors(ids(30, 10, 30))
    assert vectors.tolist() == HALVES[[2, 0, 2]].tolist()
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("missing", [5, 15, 1000])  # before, between and after the existing ids
def test_a_missing_id_is_a_key_error(index: MutableIndex, missing: int) -> None:
    with pytest.raises(KeyError):
        index.vectors(ids(10, missing))


def test_a_removed_vector_is_not_found(index: MutableIndex) -> None:
    assert index.remove(ids(10, 50, 999)) == 2  # 999 never existed
    assert len(index) == 14
    assert index.ids.tolist() == [20, 30, 40, *range(60, 170, 10)]
    assert index.search(HALVES[:1], 3).ids.tolist() == [[20, 30, 90]]
    assert index.vectors(ids(60)).tolist() == [HALVES[5].tolist()]  # later rows moved up with their ids
    with pytest.raises(KeyError):
        index.vectors(ids(50))


def test_removal_counts_each_existing_id_once_in_any_order(index: MutableIndex) -> None:
    assert index.remove(ids(160, 10, 80)) == 3
    assert index.remove(ids(160, 10, 80)) == 0
    assert index.remove(ids()) == 0
    assert len(index) == 13


def test_an_index_can_be_emptied_and_filled_again(index: MutableIndex) -> None:
    assert index.remove(index.ids) == 16
    assert (len(index), index.search(HALVES[:1], 1).ids.tolist()) == (0, [[-1]])
    index.add(ids(1000), HALVES[3:4])
    assert index.search(HALVES[3:4], 1).ids.tolist() == [[1000]]


def test_adding_nothing_changes_nothing(index: MutableIndex) -> None:
    index.add(ids(), np.empty((0, 4), dtype=np.float32))
    assert len(index) == 16


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ((), [-1, -1, -1]),
        ((40,), [40, -1, -1]),
        ((20, 40, 90, 160), [20, 90, 40]),  # scores 1/2, 1/2, 0, -1
        ((15, 20, 999), [20, -1, -1]),  # missing ids are ignored
        ((5, 15, 999), [-1, -1, -1]),
        (tuple(range(20, 170, 10)), [20, 30, 50]),  # all but the best
        (tuple(range(10, 170, 10)), [10, 20, 30]),  # all
    ],
)
def test_only_allowed_ids_are_returned(index: MutableIndex, allowed: tuple[int, ...], expected: list[int]) -> None:
    assert index.search(HALVES[:1], 3, allowed=ids(*allowed)).ids.tolist() == [expected]


@pytest.mark.parametrize("n", [MAX_SCORED_ROWS - 1, MAX_SCORED_ROWS, MAX_SCORED_ROWS + 1, 3 * MAX_SCORED_ROWS])
def test_equal_vectors_are_returned_by_id(make: Make, n: int) -> None:
    same = unit_vectors(1, 64)  # its length is rounded, so a matrix product might score its copies differently
    index = make(64)
    index.add(np.arange(n, dtype=np.int64) * 3, np.repeat(same, n, axis=0))
    neighbors = index.search(same, 5)
    assert neighbors.ids.tolist() == [[0, 3, 6, 9, 12]]
    assert len(set(neighbors.scores[0].tolist())) == 1


@pytest.mark.parametrize("copies", [10, 5000])
def test_a_tie_for_the_last_place_goes_to_the_smaller_id(make: Make, copies: int) -> None:
    others, query = unit_vectors(5000, 64), unit_vectors(1, 64, seed=1)
    index = make(64)
    index.add(np.arange(5000, dtype=np.int64), others)
    index.add(np.arange(5000, 5000 + copies, dtype=np.int64), np.repeat(query, copies, axis=0))
    assert index.search(query, 3).ids.tolist() == [[5000, 5001, 5002]]
    allowed = np.arange(100, 5000 + copies, dtype=np.int64)
    allowed = allowed[allowed != 5001]
    assert index.search(query, 3, allowed=allowed).ids.tolist() == [[5000, 5002, 5003]]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_filter_of_any_size_gives_the_results_of_plain_loops(make: Make, share: float) -> None:
    n = 6000  # more than MAX_SCORED_ROWS, so that a selector is used if many are allowed
    rows, query = unit_vectors(n, 8), unit_vectors(1, 8, seed=9)
    index = make(8)
    index.add(np.arange(n, dtype=np.int64), rows)
    allowed = np.flatnonzero(np.random.default_rng(3).random(n) < share).astype(np.int64)
    stored = list(enumerate(rows.tolist()))
    expected, _ = slow_search(stored, query[0].tolist(), 10, set(allowed.tolist()))
    assert index.search(query, 10, allowed=allowed).ids.tolist() == [expected]


def test_k_results_are_returned_whenever_k_are_allowed(make: Make) -> None:
    n = 5000
    index = make(8)
    index.add(np.arange(n, dtype=np.int64), unit_vectors(n, 8))
    allowed = np.arange(0, n, 2, dtype=np.int64)
    for k in (1, 2499, 2500, 2501, n):
        results = index.search(unit_vectors(1, 8, seed=4), k, allowed=allowed).ids[0]
        assert np.count_nonzero(results != -1) == min(k, 2500)


def test_arrays_of_callers_are_neither_changed_nor_kept(make: Make) -> None:
    index = make(4)
    numbers, rows = ids(1, 2, 3), HALVES[:3].copy()
    index.add(numbers, rows)
    query, allowed = HALVES[:1].copy(), ids(1, 3)
    index.search(query, 2, allowed=allowed)
    index.remove(numbers[:1])
    assert (numbers.tolist(), rows.tolist()) == ([1, 2, 3], HALVES[:3].tolist())
    assert (query.tolist(), allowed.tolist()) == (HALVES[:1].tolist(), [1, 3])
    rows[:], numbers[:] = 9, 9
    assert index.ids.tolist() == [2, 3]
    assert index.vectors(ids(2, 3)).tolist() == HALVES[1:3].tolist()
    index.vectors(ids(2))[:] = 9
    assert index.vectors(ids(2)).tolist() == HALVES[1:2].tolist()


def test_arrays_in_another_memory_order_are_accepted(index: MutableIndex) -> None:
    columns = np.asfortranarray(HALVES)
    assert index.search(columns, 1).ids[:, 0].tolist() == list(range(10, 170, 10))
    index.add(ids(*range(170, 330, 10)), columns)
    assert index.vectors(ids(200)).tolist() == HALVES[3:4].tolist()


@pytest.mark.parametrize("shape", [(4,), (1, 3), (1, 5), (1, 1, 4)])
def test_queries_of_another_shape_are_a_value_error(index: MutableIndex, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"queries have shape .*; expected \(q, 4\)"):
        index.search(np.zeros(shape, dtype=np.float32), 1)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_a_value_error(index: MutableIndex, k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}; expected at least 1"):
        index.search(HALVES[:1], k)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5), (1, 4), (3, 4), (8,)])
def test_vectors_of_another_shape_are_a_value_error_without_effect(index: MutableIndex, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"vectors have shape .*; expected \(2, 4\)"):
        index.add(ids(200, 210), np.zeros(shape, dtype=np.float32))
    assert len(index) == 16


@pytest.mark.parametrize("wrong", [(210, 200), (200, 200), (160, 170), (10, 200), (-5, 200)])
def test_ids_not_above_the_existing_ones_are_a_value_error(index: MutableIndex, wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="ids must be ascending, and above every id in the index"):
        index.add(ids(*wrong), HALVES[:2])
    assert len(index) == 16


def test_a_score_is_the_cosine_with_the_stored_vector_of_any_length(make: Make) -> None:
    rows = unit_vectors(3000, 8)[:1] + 0.002 * unit_vectors(3000, 8, seed=1)  # all very similar
    lengths = np.linspace(1 - LENGTH_TOLERANCE / 2, 1 + LENGTH_TOLERANCE / 2, 3000, dtype=np.float32)[::-1]
    rows *= (lengths / np.linalg.norm(rows, axis=1))[:, None]  # these change the inner products, but not the cosines
    index = make(8)
    index.add(np.arange(3000, dtype=np.int64), rows)
    query = unit_vectors(1, 8)
    stored = rows.astype(np.float16).astype(np.float64)
    cosines = stored @ query[0] / np.linalg.norm(stored, axis=1)
    exact: VectorIndex = index.at_depths(()) if isinstance(index, PgvectorIndex) else index
    neighbors = exact.search(query, 5)
    np.testing.assert_allclose(neighbors.scores[0], np.sort(cosines)[::-1][:5], rtol=0, atol=3e-7)
    np.testing.assert_allclose(cosines[neighbors.ids[0]], neighbors.scores[0], rtol=0, atol=3e-7)
