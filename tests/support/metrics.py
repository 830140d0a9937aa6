"""Metrics by their definitions, in plain loops over one ranked list: what the real ones are checked against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ranked(scores: Sequence[float]) -> list[int]:
    """Return the answers in the order of their scores, equal ones by index."""
    return sorted(range(len(scores)), key=lambda index: (-scores[index], index))


def slow_metrics(order: Sequence[int], grades: Mapping[int, int]) -> list[float]:
    """Return R@1, R@5, R@10, MRR, nDCG@10 and average precision of one list.

    Args:
        order: The answers, best first.
        grades: Of each relevant answer, in the list or not.
    """
    found = [float(any(answer in grades for answer in order[:k])) for k in (1, 5, 10)]
    reciprocal, precision, hits = 0.0, 0.0, 0
    for place, answer in enumerate(order, start=1):
        if answer in grades:
            hits += 1
            reciprocal = reciprocal or 1 / place
            precision += hits / place
    gains = [grades.get(answer, 0) for answer in order[:10]]
    best = sorted(grades.values(), reverse=True)[:10]
    return [*found, reciprocal, _discounted(gains) / _discounted(best), precision / len(grades)]


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
