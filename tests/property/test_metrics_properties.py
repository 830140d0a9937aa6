"""Metrics equal plain loops written from the definitions, whatever is ranked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.metrics import RelevantRanks, values_per_query
from tests.support.metrics import ranked, slow_metrics


@st.composite
def searches(draw: st.DrawFn) -> list[tuple[list[int], dict[int, int]]]:
    """Draw ranked lists with the grades of what is relevant, some of which may not be in the list."""
    drawn = []
    for _ in range(draw(st.integers(1, 5))):
        order = draw(st.permutations(range(draw(st.integers(0, 25)))))
        grades = draw(st.dictionaries(st.integers(0, 29), st.integers(1, 4), min_size=1, max_size=6))
        drawn.append((list(order), grades))
    return drawn


@given(searches())
def test_metrics_of_any_lists_equal_plain_loops(drawn: list[tuple[list[int], dict[int, int]]]) -> None:
    rows = [
        (query, order.index(answer) if answer in order else -1, grade)
        for query, (order, grades) in enumerate(drawn)
        for answer, grade in grades.items()
    ]
    owners, places, grades = np.array(rows, dtype=np.int64).T
    found = values_per_query(RelevantRanks(len(drawn), owners, places, grades))
    assert found.tolist() == [pytest.approx(slow_metrics(order, of)) for order, of in drawn]


@given(
    levels=st.sampled_from([1, 2, 3, 1000]),  # of the scores: with one all are equal
    captions=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_captions_and_pictures_with_equal_scores_equal_plain_loops(levels: int, captions: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(captions)), captions)
    texts = random.integers(0, levels, (len(owners), 3)).astype(np.float32)
    images = random.integers(0, levels, (len(captions), 3)).astype(np.float32)
    scores = texts @ images.T
    forward, backward = rank_both_ways(texts, images, owners)
    by_text = [slow_metrics(ranked(row), {int(owner): 1}) for row, owner in zip(scores.tolist(), owners, strict=True)]
    assert values_per_query(forward).tolist() == [pytest.approx(each) for each in by_text]
    described = [dict.fromkeys(np.flatnonzero(owners == image).tolist(), 1) for image in range(len(captions))]
    by_image = [slow_metrics(ranked(row), own) for row, own in zip(scores.T.tolist(), described, strict=True)]
    assert values_per_query(backward).tolist() == [pytest.approx(each) for each in by_image]
