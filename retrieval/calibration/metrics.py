"""Quality of probabilities: calibration error, and AUROC of present against absent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.calibration.probability import Numbers

_BINS = 15
"""Number of bins of the calibration error, with equally many probabilities in each."""


def calibration_error(values: Numbers, right: NDArray[np.bool_], bins: int = _BINS) -> float:
    """Return the expected calibration error, 0 to 1: the mean distance between probability and share of right ones.

    The bins hold equal numbers of probabilities (Nguyen and O'Connor 2015, section 3).

    Args:
        values: Probabilities, shape (n,), n at least 1.
        right: Whether each was right, shape (n,).
        bins: Number of bins.
    """
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(values[part].mean() - right[part].mean()) for part in parts) / len(values))


def auroc(positive: Numbers, negative: Numbers) -> float:
    """Return how often a positive value exceeds a negative one, where ties count as half, 0 to 1.

    Args:
        positive: Shape (p,), p at least 1.
        negative: Shape (n,), n at least 1.
    """
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left") + np.searchsorted(ordered, positive, side="right")
    return float(below.sum() / (2 * len(positive) * len(negative)))
