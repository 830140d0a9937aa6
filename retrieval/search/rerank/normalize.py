"""Brings the scores of different encoders to one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors

_MIN_DEVIATION = 1e-9
"""A smaller standard deviation is rounding: all scores are equal."""


def standardize(scores: Vectors, retrieval_scores: Vectors) -> NDArray[np.float64]:
    """Return scores with mean 0 and standard deviation 1, shape (n,).

    Args:
        scores: Shape (n,), NaN for no score.
        retrieval_scores: Shape (n,); used for candidates without a score, standardized over the candidates with one.
    """
    has_score = ~np.isnan(scores)
    if not has_score.any():
        has_score, scores = np.ones_like(has_score), retrieval_scores
    result = _z_scores(retrieval_scores, retrieval_scores[has_score])
    result[has_score] = _z_scores(scores[has_score], scores[has_score])
    return result


def rescale(scores: Vectors, retrieval_scores: Vectors) -> NDArray[np.float64]:
    """Return scores with the mean and standard deviation that the retrieval scores of the same candidates have, (n,).

    Args:
        scores: Shape (n,), NaN for no score: there the retrieval score stays.
        retrieval_scores: Shape (n,).
    """
    has_score = ~np.isnan(scores)
    if not has_score.any():
        return retrieval_scores.astype(np.float64)
    mean, deviation = _mean_and_deviation(retrieval_scores[has_score])
    return standardize(scores, retrieval_scores) * deviation + mean


def _z_scores(values: Vectors, reference: Vectors) -> NDArray[np.float64]:
    """Return values minus the mean of the reference, divided by its standard deviation."""
    mean, deviation = _mean_and_deviation(reference)
    return (values.astype(np.float64) - mean) / deviation


def _mean_and_deviation(values: Vectors) -> tuple[float, float]:
    """Return mean and standard deviation; the deviation is 1 if all values are equal or there are none."""
    if not len(values):
        return 0.0, 1.0
    deviation = float(values.std(dtype=np.float64))
    return float(values.mean(dtype=np.float64)), deviation if deviation > _MIN_DEVIATION else 1.0
