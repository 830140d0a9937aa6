"""Metrics of one ranked list as plain loops that follow their definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def sort_answers(scores: Sequence[float]) -> list[int]:
    """Return the answers ordered by score, ties by index."""
    return sorted(range(len(scores)), key=lambda index: (-scores[index], index))


def slow_metrics(order: Sequence[int], grades: Mapping[int, int]) -> list[float]:
    """Return R@1, R@5, R@10, MRR, nDCG@10 and average precision of one list.

    Args:
        order: The answers, best first.
        grades: Grade of each relevant answer, in the list or not.
    """
    recall = [float(any(answer in grades for answer in order[:k])) for k in (1, 5, 10)]
    reciprocal, precision, hits = 0.0, 0.0, 0
    for rank, answer in enumerate(order, start=1):
        if answer in grades:
            hits += 1
            reciprocal = reciprocal or 1 / rank
            precision += hits / rank
    gains = [grades.get(answer, 0) for answer in order[:10]]
    best = sorted(grades.values(), reverse=True)[:10]
    return [*recall, reciprocal, _discounted(gains) / _discounted(best), precision / len(grades)]


def _discounted(gains: Sequence[int]) -> float:
    """Return the discounted cumulative gain."""
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
