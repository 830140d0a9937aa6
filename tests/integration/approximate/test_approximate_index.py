"""Inverted files and the approximate index over them, compared with exact search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.types import Ids, Vectors
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_ivf import InvertedFile, expected_bytes, list_count
from indexer.vectors.ivf_refined import changed_share
from indexer.vectors.kinds import APPROXIMATE_KINDS, Kind
from indexer.vectors.measurements import SearchDepth
from tests.support.clusters import DIM, N, approximate, queries_near, recall
from tests.support.vectors import ids, unit_vectors


@pytest.fixture(params=APPROXIMATE_KINDS)
def lists(request: pytest.FixtureRequest, built: dict[Kind, InvertedFile]) -> InvertedFile:
    return built[request.param]


def test_an_approximate_index_finds_most_of_the_ten_best_with_exact_scores(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors
) -> None:
    queries = queries_near(rows)
    truth, neighbors = exact.search(queries, 10), approximate(exact, lists).search(queries, 10)
    assert recall(neighbors.ids, truth.ids) >= 0.97
    for row in range(len(queries)):
        scores = dict(zip(truth.ids[row].tolist(), truth.scores[row].tolist(), strict=True))
        for id_, score in zip(neighbors.ids[row].tolist(), neighbors.scores[row].tolist(), strict=True):
            assert score == scores.get(id_, score)


def test_a_batch_gives_the_results_of_single_queries(exact: MutableIndex, lists: InvertedFile, rows: Vectors) -> None:
    index, queries = approximate(exact, lists), queries_near(rows, 6)
    batch = index.search(queries, 10)
    for row in range(len(queries)):
        assert index.search(queries[row : row + 1], 10).ids[0].tolist() == batch.ids[row].tolist()


def test_removed_vectors_are_never_found_and_added_ones_always(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors, row_ids: Ids
) -> None:
    index, query = approximate(exact, lists), rows[100:101]
    assert index.search(query, 3).ids[0, 0] == row_ids[100]
    index.remove(row_ids[100:101])
    assert row_ids[100] not in index.search(query, 50).ids[0]
    index.add(ids(10**6), query)
    assert index.search(query, 3).ids[0, 0] == 10**6
    assert changed_share(index.ids, int(row_ids[-1]), N) == pytest.approx(2 / N)


def test_the_rest_is_found_after_most_was_removed(exact: MutableIndex, lists: InvertedFile, row_ids: Ids) -> None:
    index, query = approximate(exact, lists, SearchDepth(24, 4, 50)), unit_vectors(1, DIM, seed=8)
    index.remove(row_ids[:-20])
    assert np.count_nonzero(index.search(query, 12).ids[0] != -1) == 12
    assert set(index.search(query, 24).ids[0].tolist()) == {-1, *row_ids[-20:].tolist()}
    index.remove(row_ids)
    assert index.search(query, 2).ids.tolist() == [[-1, -1]]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_filter_costs_no_recall(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors, row_ids: Ids, share: float
) -> None:
    allowed = row_ids[np.random.default_rng(1).random(N) < share]
    queries = queries_near(rows)
    truth = exact.search(queries, 10, allowed=allowed)
    neighbors = approximate(exact, lists).search(queries, 10, allowed=allowed)
    assert np.isin(neighbors.ids, allowed).all()
    assert neighbors.ids.tolist() == truth.ids.tolist()


def test_pages_of_one_result_list_agree(exact: MutableIndex, lists: InvertedFile, rows: Vectors) -> None:
    index, query = approximate(exact, lists, SearchDepth(24, 2, 30), SearchDepth(50, 3, 60)), queries_near(rows)[3:4]
    first, more = index.search(query, 30), index.search(query, 50)
    assert first.ids[0].tolist() == more.ids[0, :30].tolist()  # both use the depth for 50 results


def test_a_query_whose_candidates_were_mostly_removed_is_searched_exactly(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors
) -> None:
    index, query = approximate(exact, lists, SearchDepth(24, 4, 40)), rows[100:101]
    index.remove(exact.search(query, 90).ids[0])
    assert index.search(query, 10).ids.tolist() == exact.search(query, 10).ids.tolist()


def test_more_results_than_the_last_depth_has_are_searched_exactly(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors
) -> None:
    queries, index = queries_near(rows), approximate(exact, lists, SearchDepth(24, 1, 24))
    assert index.search(queries, 25).ids.tolist() == exact.search(queries, 25).ids.tolist()
    assert recall(index.search(queries, 24).ids, exact.search(queries, 24).ids) < 0.95


def test_a_mapped_file_gives_the_same_results(
    exact: MutableIndex, lists: InvertedFile, rows: Vectors, tmp_path: Path
) -> None:
    queries = queries_near(rows, 5)
    lists.save(tmp_path / "lists")
    with (tmp_path / "lists").open("rb") as file:
        loaded = InvertedFile.load(file)
    (tmp_path / "lists").unlink()  # an open file outlives its replacement or deletion
    assert (len(loaded), loaded.dim, loaded.lists) == (N, DIM, lists.lists)
    expected = approximate(exact, lists).search(queries, 10)
    assert approximate(exact, loaded).search(queries, 10).ids.tolist() == expected.ids.tolist()


def test_expected_sizes_are_close_to_real_ones(built: dict[Kind, InvertedFile], tmp_path: Path) -> None:
    for kind, lists in built.items():
        lists.save(tmp_path / kind)
        assert 0.6 < expected_bytes(kind, N, DIM) / (tmp_path / kind).stat().st_size < 1.6, kind


@pytest.mark.parametrize(
    ("n", "lists"), [(1, 1), (40, 1), (80, 2), (10_000, 256), (100_000, 1024), (1_000_000, 4096), (10_000_000, 8192)]
)
def test_the_number_of_lists_is_about_four_times_the_square_root(n: int, lists: int) -> None:
    assert list_count(n) == lists  # a power of two, with at least 40 vectors per list
