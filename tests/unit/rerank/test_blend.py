"""The reranker blend on candidates with made-up scores."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import QueryError
from retrieval import Step
from retrieval.search.rerank.registry import make_rerankers
from tests.support.rankings import candidates, ids, rerank


def step(name: str, *scores: float) -> Step:
    """Return the scores of an earlier reranker."""
    return Step(name, np.array(scores, dtype=np.float32))


def test_weight_1_keeps_the_order_of_the_search_and_weight_0_gives_that_of_the_last_step() -> None:
    found = candidates([0.3, 0.2, 0.1])
    assert ids(rerank(["blend:1"], found, steps=[step("other", 1, 3, 2)])) == [1, 2, 3]
    assert ids(rerank(["blend:0"], found, steps=[step("other", 1, 3, 2)])) == [2, 3, 1]


def test_standard_scores_are_weighed() -> None:
    # both have the z 1.22, 0, -1.22 for best, middle, worst: item 1 .61 + 0, item 2 0 - .61, item 3 -.61 + .61
    ranking = rerank(["blend:0.5"], candidates([0.3, 0.2, 0.1]), steps=[step("other", 2, 1, 3)])
    assert ids(ranking) == [1, 3, 2]
    assert ranking.steps[-1].scores.tolist() == pytest.approx([0.6124, 0, -0.6124], abs=1e-4)


def test_a_weight_for_each_score_counts_all_steps() -> None:
    found = candidates([0.3, 0.2, 0.1])
    steps = [step("one", 1, 2, 3), step("two", 1, 3, 2)]
    assert ids(rerank(["blend:0,0,1"], found, steps=steps)) == [2, 3, 1]
    assert ids(rerank(["blend:0,1,0"], found, steps=steps)) == [3, 2, 1]
    with pytest.raises(QueryError, match=r"blend:1,1 has 2 weights for 3 scores \(the search, one, two\)"):
        rerank(["blend:1,1"], found, steps=steps)


def test_a_blend_without_a_second_score_is_an_error() -> None:
    with pytest.raises(QueryError, match=r"blend:0.5 has no second score; add a reranker that gives one before it"):
        rerank(["bursts", "blend:0.5"], candidates([1.0]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blend", "blend has the weights none; expected one number from 0 to 1"),
        ("blend:1.5", "blend has the weights 1.5"),
        ("blend:0,0", "blend has the weights 0,0"),
        ("blend:-1,2", "blend has the weights -1,2"),
        ("blend:inf,1", "blend has the weights inf,1"),
        ("blend:a", "blend has 'a', which is not a number"),
    ],
)
def test_weights_that_cannot_be_used_are_an_error(name: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make_rerankers([name])
