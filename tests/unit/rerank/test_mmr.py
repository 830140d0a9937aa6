"""The reranker mmr on a handful of candidates whose order can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import QueryError
from retrieval.search.rerank.registry import make_rerankers
from tests.support.rankings import candidates, ids, rerank


def test_a_worse_hit_comes_before_one_that_looks_like_the_first() -> None:
    # after 1: item 2 is worth .5 * .9 - .5 * cos 0 = -.05, item 3 is worth .5 * .6 - .5 * cos 90 = .3
    ranking = rerank(["mmr:0.5"], candidates([1, 0.9, 0.6], [0, 0, 90]))
    assert ids(ranking) == [1, 3, 2]
    assert ranking.steps[0].name == "mmr:0.5"
    assert ranking.steps[0].scores.tolist() == pytest.approx([0.5, 0.3, -0.05], abs=1e-6)


def test_lambda_1_does_not_change_the_order() -> None:
    assert ids(rerank(["mmr:1"], candidates([1, 0.9, 0.6, 0.6], [0, 0, 90, 90]))) == [1, 2, 3, 4]


def test_lambda_0_orders_by_diversity_only() -> None:
    # farthest from 0 degrees is 90; then 80 is 10 away from that, 20 is 20 away from the first
    assert ids(rerank(["mmr:0"], candidates([1, 0.9, 0.8, 0.1], [0, 80, 20, 90]))) == [1, 4, 3, 2]


def test_the_order_is_that_of_the_loop_in_the_paper() -> None:
    rng = np.random.default_rng(3)
    found = candidates(sorted(rng.random(12).tolist(), reverse=True), (rng.random(12) * 360).tolist())
    remaining, picked = list(range(12)), list[int]()
    while remaining:
        marginal = {
            row: 0.6 * float(found.scores[row])
            - 0.4 * max((float(found.vectors[row] @ found.vectors[other]) for other in picked), default=0)
            for row in remaining
        }
        best = max(remaining, key=lambda row: marginal[row])
        picked.append(best)
        remaining.remove(best)
    assert ids(rerank(["mmr:0.6"], found)) == [row + 1 for row in picked]


@pytest.mark.parametrize("name", ["mmr", "mmr:0.3"])
def test_no_candidates_give_no_candidates(name: str) -> None:
    assert ids(rerank([name], candidates([]))) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mmr:1.1", "mmr has lambda 1.1; expected a number from 0"),
        ("mmr:-0.1", "mmr has lambda -0.1"),
        ("mmr:nan", "mmr has lambda nan"),
        ("mmr:much", "mmr has 'much', which is not a number; expected for instance mmr:0.5"),
    ],
)
def test_a_lambda_outside_0_to_1_is_an_error(name: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make_rerankers([name])
