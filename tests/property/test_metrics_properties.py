"""Metrics equal plain loops that follow their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.metrics import RelevantRanks, values_per_query
from tests.support.metrics import slow_metrics, sort_answers


@st.composite
def searches(draw: st.DrawFn) -> list[tuple[list[int], dict[int, int]]]:
    """Draw ranked lists with the grades of relevant answers, some of which may not be in the list."""
    lists = []
    for _ in range(draw(st.integers(1, 5))):
        order = draw(st.permutations(range(draw(st.integers(0, 25)))))
        grades = draw(st.dictionaries(st.integers(0, 29), st.integers(1, 4), min_size=1, max_size=6))
        lists.append((list(order), grades))
    return lists


@given(searches())
def test_metrics_of_any_lists_equal_plain_loops(lists: list[tuple[list[int], dict[int, int]]]) -> None:
    rows = [
        (query, order.index(answer) if answer in order else -1, grade)
        for query, (order, grades) in enumerate(lists)
        for answer, grade in grades.items()
    ]
    owners, ranks, grades = np.array(rows, dtype=np.int64).T
    values = values_per_query(RelevantRanks(len(lists), owners, ranks, grades))
    assert values.tolist() == [pytest.approx(slow_metrics(order, of)) for order, of in lists]


@given(
    levels=st.sampled_from([1, 2, 3, 1000]),  # number of different scores: with one all are equal
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
    pairs = zip(scores.tolist(), owners, strict=True)
    by_text = [slow_metrics(sort_answers(row), {int(owner): 1}) for row, owner in pairs]
    assert values_per_query(forward).tolist() == [pytest.approx(values) for values in by_text]
    captions_of = [dict.fromkeys(np.flatnonzero(owners == image).tolist(), 1) for image in range(len(captions))]
    by_image = [slow_metrics(sort_answers(row), own) for row, own in zip(scores.T.tolist(), captions_of, strict=True)]
    assert values_per_query(backward).tolist() == [pytest.approx(values) for values in by_image]
