"""Vector indexes: one body of tests, run over every kind there is."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

import numpy as np
import pytest

from indexer.errors import MissingPackageError
from indexer.types import Ids, Vectors
from indexer.vectors import faiss_flat, new_index
from indexer.vectors.base import LENGTH_TOLERANCE, VectorIndex, from_half, inner_products, to_half, top_k
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.measurements import SearchDepth
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.gpu_backends import BACKENDS, always_on_gpu
from tests.support.vectors import HALVES, ids, slow_search, unit_vectors

Make = Callable[[int], VectorIndex]


class NothingNear:
    """An inverted file of nothing: whatever an index before it holds was added since."""

    def __len__(self) -> int:
        return 0

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        return np.full((len(queries), count), -1, dtype=np.int64)


@pytest.fixture(params=["exact", "faiss", "faiss by its own search", "approximate", *BACKENDS])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a maker of empty indexes; from the third kind on, they never take the short way for few vectors."""
    if request.param == "exact":
        return NumpyIndex
    if request.param == "approximate":
        return lambda dim: ApproximateIndex(
            FaissIndex(dim), NothingNear(), watermark=-1, depths=[SearchDepth(400, 1, 400)]
        )
    if request.param in BACKENDS:
        always_on_gpu(monkeypatch)
        return lambda dim: GpuIndex(NumpyIndex(dim), lambda: BACKENDS[request.param](dim))
    if request.param == "faiss by its own search":
        monkeypatch.setattr(faiss_flat, "FEW", 0)
    return FaissIndex


@pytest.fixture
def filled(make: Make) -> VectorIndex:
    """Return an index of the 16 vectors of halves under the ids 10, 20, ... 160."""
    index = make(4)
    index.add(ids(*range(10, 170, 10)), HALVES)
    return index


def test_it_is_what_the_protocol_says(make: Make) -> None:
    assert isinstance(make(4), VectorIndex)


def test_the_cosines_of_some_ids_are_those_of_what_is_held(filled: VectorIndex) -> None:
    held, scores = filled.score(HALVES[0], ids(40, -1, 10, 15, 20, 900))
    # the first two vectors differ in one sign (1/2), the first and the fourth in two (0)
    assert (held.tolist(), scores.tolist()) == ([40, 10, 20], [0.0, 1.0, 0.5])
    nothing, none = filled.score(HALVES[0], ids(-1, 5))
    assert (nothing.tolist(), none.tolist()) == ([], [])


@pytest.mark.parametrize("allowed", [None, ids(*range(20, 160, 10)), ids(10, 30, 90, 120, 160)])
def test_many_queries_at_once_give_what_each_gives_alone(filled: VectorIndex, allowed: Ids | None) -> None:
    together = filled.search(HALVES, 5, allowed=allowed)
    for row in range(len(HALVES)):
        alone = filled.search(HALVES[row : row + 1], 5, allowed=allowed)
        assert together.ids[row].tolist() == alone.ids[0].tolist()
        assert together.scores[row].tolist() == alone.scores[0].tolist()


def test_an_empty_index_finds_nothing(make: Make) -> None:
    index = make(4)
    assert (len(index), index.dim, index.ids.tolist()) == (0, 4, [])
    nearest = index.search(HALVES[:2], 3)
    assert nearest.ids.tolist() == [[-1, -1, -1], [-1, -1, -1]]
    assert nearest.scores.tolist() == [[-np.inf] * 3] * 2
    assert index.remove(ids(1, 2)) == 0
    assert index.vectors(ids()).shape == (0, 4)


def test_the_best_come_first_with_their_inner_products(filled: VectorIndex) -> None:
    nearest = filled.search(HALVES[:1], 6)
    # the first vector itself (1), the four that differ in one sign (1/2) by id, the first of those with two (0)
    assert nearest.ids.tolist() == [[10, 20, 30, 50, 90, 40]]
    assert nearest.scores.tolist() == [[1.0, 0.5, 0.5, 0.5, 0.5, 0.0]]


def test_the_kinds_of_numbers_never_change(filled: VectorIndex) -> None:
    for k in (1, 16, 40):
        for queries in (HALVES[:0], HALVES[:1], HALVES[:3]):
            nearest = filled.search(queries, k)
            assert (nearest.ids.shape, nearest.ids.dtype.name) == ((len(queries), k), "int64")
            assert (nearest.scores.shape, nearest.scores.dtype.name) == ((len(queries), k), "float32")


def test_every_search_is_what_slow_loops_give(filled: VectorIndex) -> None:
    held = list(zip(range(10, 170, 10), HALVES.tolist(), strict=True))
    for k in (1, 3, 5, 11, 16, 17):
        nearest = filled.search(HALVES, k)
        for row, query in enumerate(HALVES.tolist()):
            assert (nearest.ids[row].tolist(), nearest.scores[row].tolist()) == slow_search(held, query, k)


def test_where_fewer_than_k_exist_the_rest_is_padding(filled: VectorIndex) -> None:
    nearest = filled.search(HALVES[:1], 20)
    assert nearest.ids[0, 16:].tolist() == [-1] * 4
    assert nearest.scores[0, 16:].tolist() == [-np.inf] * 4
    assert sorted(nearest.ids[0, :16].tolist()) == list(range(10, 170, 10))


def test_vectors_come_back_as_they_were_added_in_the_order_that_was_asked(filled: VectorIndex) -> None:
    found = filled.vectors(ids(30, 10, 30))
    assert found.tolist() == HALVES[[2, 0, 2]].tolist()
    assert found.dtype == np.float32


@pytest.mark.parametrize("missing", [5, 15, 1000])  # before, between and behind all that are held
def test_a_vector_that_is_not_held_is_a_key_error(filled: VectorIndex, missing: int) -> None:
    with pytest.raises(KeyError):
        filled.vectors(ids(10, missing))


def test_what_is_removed_is_not_found_any_more(filled: VectorIndex) -> None:
    assert filled.remove(ids(10, 50, 999)) == 2  # 999 was never there
    assert len(filled) == 14
    assert filled.ids.tolist() == [20, 30, 40, *range(60, 170, 10)]
    assert filled.search(HALVES[:1], 3).ids.tolist() == [[20, 30, 90]]
    assert filled.vectors(ids(60)).tolist() == [HALVES[5].tolist()]  # the rows behind it moved up with their ids
    with pytest.raises(KeyError):
        filled.vectors(ids(50))


def test_removing_in_any_order_and_twice_counts_each_once(filled: VectorIndex) -> None:
    assert filled.remove(ids(160, 10, 80)) == 3
    assert filled.remove(ids(160, 10, 80)) == 0
    assert filled.remove(ids()) == 0
    assert len(filled) == 13


def test_all_can_be_removed_and_others_added(filled: VectorIndex) -> None:
    assert filled.remove(filled.ids) == 16
    assert (len(filled), filled.search(HALVES[:1], 1).ids.tolist()) == (0, [[-1]])
    filled.add(ids(1000), HALVES[3:4])
    assert filled.search(HALVES[3:4], 1).ids.tolist() == [[1000]]


def test_adding_nothing_changes_nothing(filled: VectorIndex) -> None:
    filled.add(ids(), np.empty((0, 4), dtype=np.float32))
    assert len(filled) == 16


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ((), [-1, -1, -1]),
        ((40,), [40, -1, -1]),
        ((20, 40, 90, 160), [20, 90, 40]),  # scores 1/2, 1/2, 0, -1
        ((15, 20, 999), [20, -1, -1]),  # ids that are not held are passed over
        ((5, 15, 999), [-1, -1, -1]),
        (tuple(range(20, 170, 10)), [20, 30, 50]),  # all but the best
        (tuple(range(10, 170, 10)), [10, 20, 30]),  # all
    ],
)
def test_only_allowed_ids_come_back(filled: VectorIndex, allowed: tuple[int, ...], expected: list[int]) -> None:
    assert filled.search(HALVES[:1], 3, allowed=ids(*allowed)).ids.tolist() == [expected]


@pytest.mark.parametrize("n", [faiss_flat.FEW - 1, faiss_flat.FEW, faiss_flat.FEW + 1, 3 * faiss_flat.FEW])
def test_thousands_of_equal_vectors_come_by_id(make: Make, n: int) -> None:
    same = unit_vectors(1, 64)  # its length is rounded: a matrix product might score its copies apart
    index = make(64)
    index.add(np.arange(n, dtype=np.int64) * 3, np.repeat(same, n, axis=0))
    nearest = index.search(same, 5)
    assert nearest.ids.tolist() == [[0, 3, 6, 9, 12]]
    assert len(set(nearest.scores[0].tolist())) == 1


@pytest.mark.parametrize("copies", [10, 5000])
def test_a_tie_at_the_last_place_goes_to_the_smaller_id(make: Make, copies: int) -> None:
    others, tied, asked = unit_vectors(5000, 64), unit_vectors(1, 64, seed=1), unit_vectors(1, 64, seed=1)
    index = make(64)
    index.add(np.arange(5000, dtype=np.int64), others)
    index.add(np.arange(5000, 5000 + copies, dtype=np.int64), np.repeat(tied, copies, axis=0))
    assert index.search(asked, 3).ids.tolist() == [[5000, 5001, 5002]]
    allowed = np.arange(100, 5000 + copies, dtype=np.int64)
    allowed = allowed[allowed != 5001]
    assert index.search(asked, 3, allowed=allowed).ids.tolist() == [[5000, 5002, 5003]]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_filter_of_any_size_finds_what_slow_loops_find(make: Make, share: float) -> None:
    n = 6000  # more than FEW, so that a selector is used where many are allowed
    rows, query = unit_vectors(n, 8), unit_vectors(1, 8, seed=9)
    index = make(8)
    index.add(np.arange(n, dtype=np.int64), rows)
    allowed = np.flatnonzero(np.random.default_rng(3).random(n) < share).astype(np.int64)
    held = list(enumerate(rows.tolist()))
    expected, _ = slow_search(held, query[0].tolist(), 10, set(allowed.tolist()))
    assert index.search(query, 10, allowed=allowed).ids.tolist() == [expected]


def test_k_results_come_back_whenever_k_are_allowed(make: Make) -> None:
    n = 5000
    index = make(8)
    index.add(np.arange(n, dtype=np.int64), unit_vectors(n, 8))
    allowed = np.arange(0, n, 2, dtype=np.int64)
    for k in (1, 2499, 2500, 2501, n):
        found = index.search(unit_vectors(1, 8, seed=4), k, allowed=allowed).ids[0]
        assert np.count_nonzero(found != -1) == min(k, 2500)


def test_the_callers_arrays_stay_as_they_are_and_its_own_are_no_views_of_them(make: Make) -> None:
    index = make(4)
    given, rows = ids(1, 2, 3), HALVES[:3].copy()
    index.add(given, rows)
    query, allowed = HALVES[:1].copy(), ids(1, 3)
    index.search(query, 2, allowed=allowed)
    index.remove(given[:1])
    assert (given.tolist(), rows.tolist()) == ([1, 2, 3], HALVES[:3].tolist())
    assert (query.tolist(), allowed.tolist()) == (HALVES[:1].tolist(), [1, 3])
    rows[:], given[:] = 9, 9
    assert index.ids.tolist() == [2, 3]
    assert index.vectors(ids(2, 3)).tolist() == HALVES[1:3].tolist()
    index.vectors(ids(2))[:] = 9
    assert index.vectors(ids(2)).tolist() == HALVES[1:2].tolist()


def test_arrays_in_another_memory_order_are_understood(filled: VectorIndex) -> None:
    columns = np.asfortranarray(HALVES)
    assert filled.search(columns, 1).ids[:, 0].tolist() == list(range(10, 170, 10))
    filled.add(ids(*range(170, 330, 10)), columns)
    assert filled.vectors(ids(200)).tolist() == HALVES[3:4].tolist()


@pytest.mark.parametrize("shape", [(4,), (1, 3), (1, 5), (1, 1, 4)])
def test_queries_of_another_shape_are_a_value_error(filled: VectorIndex, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"queries have shape .*; expected \(q, 4\)"):
        filled.search(np.zeros(shape, dtype=np.float32), 1)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_a_value_error(filled: VectorIndex, k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}; expected at least 1"):
        filled.search(HALVES[:1], k)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5), (1, 4), (3, 4), (8,)])
def test_vectors_of_another_shape_are_a_value_error_and_change_nothing(
    filled: VectorIndex, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"vectors have shape .*; expected \(2, 4\)"):
        filled.add(ids(200, 210), np.zeros(shape, dtype=np.float32))
    assert len(filled) == 16


@pytest.mark.parametrize("wrong", [(210, 200), (200, 200), (160, 170), (10, 200), (-5, 200)])
def test_ids_that_do_not_ascend_above_those_held_are_a_value_error(filled: VectorIndex, wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="ids must be ascending, and above every id that the index holds"):
        filled.add(ids(*wrong), HALVES[:2])
    assert len(filled) == 16


def test_the_score_of_a_vector_does_not_depend_on_its_place() -> None:
    rows, query = unit_vectors(1000, 384), unit_vectors(1, 384, seed=2)[0]
    together = inner_products(query, rows)
    assert together.tolist() == [float(inner_products(query, row[None])[0]) for row in rows]
    assert together[::-1].tolist() == inner_products(query, np.ascontiguousarray(rows[::-1])).tolist()


def test_what_the_catalog_holds_is_held_to_the_last_bit() -> None:
    kept = unit_vectors(1000, 384).astype(np.float16)
    assert to_half(kept.astype(np.float32)).view(np.uint16).tolist() == kept.view(np.uint16).tolist()


def test_a_damaged_vector_is_held_with_the_right_length_or_as_zeros() -> None:
    rows = np.array([[3, 4], [np.nan, 1], [0, 0], [np.inf, 1], [1e30, 0], [1e-3, 0], [0.6, 0.8]], dtype=np.float32)
    expected = [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [0, 0], [1, 0], [0.6, 0.8]]  # the square of 1e30 is no float32
    assert to_half(rows).tolist() == np.array(expected, dtype=np.float16).tolist()
    assert from_half(to_half(rows))[1:5].tolist() == [[0, 0]] * 4


def test_a_score_is_the_cosine_with_what_is_held_whatever_length_rounding_gave_it(make: Make) -> None:
    rows = unit_vectors(3000, 8)[:1] + 0.002 * unit_vectors(3000, 8, seed=1)  # all much alike
    lengths = np.linspace(1 - LENGTH_TOLERANCE / 2, 1 + LENGTH_TOLERANCE / 2, 3000, dtype=np.float32)[::-1]
    rows *= (lengths / np.linalg.norm(rows, axis=1))[:, None]  # the inner products follow these, the cosines do not
    index = make(8)
    index.add(np.arange(3000, dtype=np.int64), rows)
    asked = unit_vectors(1, 8)
    held = rows.astype(np.float16).astype(np.float64)
    cosines = held @ asked[0] / np.linalg.norm(held, axis=1)
    nearest = index.search(asked, 5)
    np.testing.assert_allclose(nearest.scores[0], np.sort(cosines)[::-1][:5], rtol=0, atol=3e-7)
    np.testing.assert_allclose(cosines[nearest.ids[0]], nearest.scores[0], rtol=0, atol=3e-7)


def test_best_orders_by_score_then_id_and_pads() -> None:
    found, scores = top_k(ids(7, 3, 5), np.array([0.5, 0.5, 0.75], dtype=np.float32), 4)
    assert (found.tolist(), scores.tolist()) == ([5, 3, 7, -1], [0.75, 0.5, 0.5, -np.inf])


def test_searching_leaves_the_number_of_threads_as_it_was() -> None:
    import faiss

    index = FaissIndex(8)
    index.add(np.arange(5000, dtype=np.int64), unit_vectors(5000, 8))
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        index.search(unit_vectors(1, 8), 1)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)


def test_without_faiss_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("faiss")  # else the test would prove nothing
    monkeypatch.delitem(sys.modules, "indexer.vectors.faiss_flat")
    monkeypatch.setitem(sys.modules, "faiss", None)  # importing it fails now
    with pytest.raises(MissingPackageError, match=r"run: pip install 'recall-photos\[cpu\]'"):
        new_index(4)
