"""What all indexes share: the float16 form, exact scores and the order of results."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from indexer.errors import MissingPackageError
from indexer.vectors import new_index
from indexer.vectors.base import from_half, inner_products, to_half, top_k
from indexer.vectors.faiss_flat import FaissIndex
from tests.support.vectors import ids, unit_vectors


def test_the_score_of_a_vector_does_not_depend_on_its_position() -> None:
    rows, query = unit_vectors(1000, 384), unit_vectors(1, 384, seed=2)[0]
    together = inner_products(query, rows)
    assert together.tolist() == [float(inner_products(query, row[None])[0]) for row in rows]
    assert together[::-1].tolist() == inner_products(query, np.ascontiguousarray(rows[::-1])).tolist()


def test_vectors_from_the_catalog_keep_every_bit() -> None:
    stored = unit_vectors(1000, 384).astype(np.float16)
    assert to_half(stored.astype(np.float32)).view(np.uint16).tolist() == stored.view(np.uint16).tolist()


def test_a_damaged_vector_is_stored_with_unit_length_or_as_zeros() -> None:
    rows = np.array([[3, 4], [np.nan, 1], [0, 0], [np.inf, 1], [1e30, 0], [1e-3, 0], [0.6, 0.8]], dtype=np.float32)
    expected = [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [0, 0], [1, 0], [0.6, 0.8]]  # the square of 1e30 overflows
    assert to_half(rows).tolist() == np.array(expected, dtype=np.float16).tolist()
    assert from_half(to_half(rows))[1:5].tolist() == [[0, 0]] * 4


def test_top_k_sorts_by_score_then_id_and_pads() -> None:
    best, scores = top_k(ids(7, 3, 5), np.array([0.5, 0.5, 0.75], dtype=np.float32), 4)
    assert (best.tolist(), scores.tolist()) == ([5, 3, 7, -1], [0.75, 0.5, 0.5, -np.inf])


def test_a_search_leaves_the_number_of_threads_unchanged() -> None:
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


def test_without_faiss_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("faiss")  # else the test would prove nothing
    monkeypatch.delitem(sys.modules, "indexer.vectors.faiss_flat")
    monkeypatch.setitem(sys.modules, "faiss", None)  # importing it fails now
    with pytest.raises(MissingPackageError, match=r"run: pip install 'recall-photos\[cpu\]'"):
        new_index(4)
