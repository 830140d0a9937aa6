"""Reciprocal rank fusion, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from retrieval.search.rank_fusion import reciprocal_ranks


def test_an_id_gets_the_sum_of_its_reciprocal_ranks() -> None:
    scores = reciprocal_ranks([[7, 5], [5, 9]])
    # with the paper's k of 60
    assert list(scores) == [5, 7, 9]
    assert scores == {5: pytest.approx(1 / 62 + 1 / 61), 7: pytest.approx(1 / 61), 9: pytest.approx(1 / 62)}


def test_ties_are_ordered_by_id() -> None:
    assert list(reciprocal_ranks([[9, 1], [1, 9], [4], [3]])) == [1, 9, 3, 4]


def test_with_a_smaller_k_the_first_of_one_ranking_beats_the_last_of_both() -> None:
    rankings = [[1, 2, 3, 4], [5, 6, 7, 4]]
    assert next(iter(reciprocal_ranks(rankings, k=60))) == 4  # 2/64 > 1/61
    assert next(iter(reciprocal_ranks(rankings, k=0))) == 1  # 2/4 < 1/1


def test_one_ranking_keeps_its_order_and_no_ranking_gives_nothing() -> None:
    assert list(reciprocal_ranks([[3, 1, 2]])) == [3, 1, 2]
    assert reciprocal_ranks([]) == {}
    assert reciprocal_ranks([[], []]) == {}


def test_weights_reduce_the_score_of_ids_in_a_ranking() -> None:
    assert list(reciprocal_ranks([[1, 2], [3, 4]], k=10)) == [1, 3, 2, 4]
    assert list(reciprocal_ranks([[1, 2], [3, 4]], k=10, weights=[{}, {3: 0.5}])) == [1, 2, 4, 3]  # 1/12 > .5/11
