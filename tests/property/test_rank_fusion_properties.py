"""Reciprocal rank fusion, for any rankings."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from retrieval.search.rank_fusion import reciprocal_ranks

rankings = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), max_size=4)


@given(rankings)
def test_it_is_what_a_plain_loop_gives_and_holds_each_id_once(lists: list[list[int]]) -> None:
    exact: dict[int, Fraction] = {}
    for ranking in lists:
        for rank, id_ in enumerate(ranking, start=1):
            exact[id_] = exact.get(id_, Fraction(0)) + Fraction(1, 60 + rank)
    found = reciprocal_ranks(lists)
    assert found.keys() == exact.keys()
    assert all(abs(found[id_] - exact[id_]) < 1e-12 for id_ in exact)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@given(rankings)
def test_the_same_ranking_twice_changes_no_order(lists: list[list[int]]) -> None:
    for ranking in lists:
        assert list(reciprocal_ranks([ranking, ranking])) == ranking


@given(rankings, st.integers(0, 20))
def test_what_is_first_everywhere_comes_first(lists: list[list[int]], winner: int) -> None:
    led = [[winner, *(id_ for id_ in ranking if id_ != winner)] for ranking in lists]
    assert not led or next(iter(reciprocal_ranks(led))) == winner
