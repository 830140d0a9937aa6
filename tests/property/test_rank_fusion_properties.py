"""Properties of reciprocal rank fusion."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from retrieval.search.rank_fusion import reciprocal_ranks

RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), max_size=4)


@given(RANKINGS)
def test_scores_equal_a_plain_loop(lists: list[list[int]]) -> None:
    exact: dict[int, Fraction] = {}
    for ranking in lists:
        for rank, id_ in enumerate(ranking, start=1):
            exact[id_] = exact.get(id_, Fraction(0)) + Fraction(1, 60 + rank)
    scores = reciprocal_ranks(lists)
    assert scores.keys() == exact.keys()
    assert all(abs(scores[id_] - exact[id_]) < 1e-12 for id_ in exact)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


@given(RANKINGS)
def test_a_ranking_fused_with_itself_keeps_its_order(lists: list[list[int]]) -> None:
    for ranking in lists:
        assert list(reciprocal_ranks([ranking, ranking])) == ranking


@given(RANKINGS, st.integers(0, 20))
def test_an_id_that_is_first_in_every_ranking_is_first(lists: list[list[int]], winner: int) -> None:
    rankings = [[winner, *(id_ for id_ in ranking if id_ != winner)] for ranking in lists]
    assert not rankings or next(iter(reciprocal_ranks(rankings))) == winner
