"""Scores of different encoders on one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors

EQUAL = 1e-9
"""A standard deviation below this is rounding: the scores are all the same."""


def standard(scores: Vectors, retrieval_scores: Vectors) -> NDArray[np.float64]:
    """Return scores with mean 0 and standard deviation 1, shape (n,).

    Args:
        scores: Shape (n,), NaN where there is none.
        retrieval_scores: What stands in there, scaled by its own mean and deviation over the others, shape (n,).
    """
    known = ~np.isnan(scores)
    if not known.any():
        known, scores = np.ones_like(known), retrieval_scores
    result = _scaled(retrieval_scores, retrieval_scores[known])
    result[known] = _scaled(scores[known], scores[known])
    return result


def on_scale(scores: Vectors, retrieval_scores: Vectors) -> NDArray[np.float64]:
    """Return scores with the mean and the deviation that the own ones have where there are scores, shape (n,).

    Args:
        scores: Shape (n,), NaN where there is none: there the own score stays.
        retrieval_scores: Shape (n,).
    """
    known = ~np.isnan(scores)
    if not known.any():
        return retrieval_scores.astype(np.float64)
    mean, spread = _mean_and_spread(retrieval_scores[known])
    return standard(scores, retrieval_scores) * spread + mean


def _scaled(values: Vectors, by: Vectors) -> NDArray[np.float64]:
    mean, spread = _mean_and_spread(by)
    return (values.astype(np.float64) - mean) / spread


def _mean_and_spread(values: Vectors) -> tuple[float, float]:
    """Return mean and standard deviation, the latter 1 where all are equal or there are none."""
    if not len(values):
        return 0.0, 1.0
    spread = float(values.std(dtype=np.float64))
    return float(values.mean(dtype=np.float64)), spread if spread > EQUAL else 1.0
