"""Turns evidence into probabilities, with constants that were fitted on captioned photos."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from indexer.types import Modality
from retrieval.calibration.evidence import Evidence, Numbers


class Weights(NamedTuple):
    """A logistic regression: the log-odds are the constant plus each kind of evidence times its weight."""

    constant: float
    item: float
    query: float
    breadth: float
    size: float


class ModelKey(NamedTuple):
    """Selects a fitted model: by whether the query has photos in it, and by the kind of unit."""

    has_image: bool
    kind: Modality


# As `python -m training.calibration --data ../shared/data` prints them, fitted on the half of the photos chosen by hash
FITTED = {
    ModelKey(has_image=False, kind=Modality.PHOTO): Weights(-5.32, 0.984, 0.54, 0.322, -0.478),
    ModelKey(has_image=False, kind=Modality.TEXT): Weights(-5.105, 0.587, 0.706, 0.487, -0.548),
    ModelKey(has_image=True, kind=Modality.PHOTO): Weights(-0.746, 0.491, 0.673, -0.165, -0.705),
    ModelKey(has_image=True, kind=Modality.TEXT): Weights(-5.836, 2.15, 0.0, -0.26, -0.57),
}


def probabilities(evidence: Evidence, key: ModelKey) -> Numbers:
    """Return the probability that each candidate is right, 0 to 1, shape (n,)."""
    weights = FITTED[key]
    log_odds = weights.constant + evidence.columns() @ np.array(weights[1:])
    result: Numbers = 1 / (1 + np.exp(-log_odds))
    return result


_SHIFTS = {
    ModelKey(has_image=False, kind=Modality.PHOTO): -1.5,
    ModelKey(has_image=False, kind=Modality.TEXT): 0.0,
    ModelKey(has_image=True, kind=Modality.PHOTO): -3.0,
    ModelKey(has_image=True, kind=Modality.TEXT): 0.0,
}
"""Added to the log-odds when photos and texts are merged into one list. Photos were fitted on classes too, where more
is right than one photo and its captions. Of five values this has the best nDCG@10 on the measured half of Flickr8k dev,
so its figures there are optimistic; on the fitted half it is also the best of the five."""


def merge_keys(values: Numbers, key: ModelKey) -> Numbers:
    """Return sort keys that order hits of several kinds in one list, from their probabilities, (n,) each."""
    clipped = np.clip(values, 1e-12, 1 - 1e-12)
    result: Numbers = np.log(clipped / (1 - clipped)) + _SHIFTS[key]
    return result


def non_increasing(values: Numbers) -> Numbers:
    """Return the nearest values by least squares that never increase, with the same sum, (n,).

    Hits are ordered by score, so their probabilities must not increase down the list. Neighbours that increase are
    replaced by their mean (pool adjacent violators; Ayer et al. 1955).
    """
    blocks: list[tuple[float, int]] = []  # mean and length
    for value in values.tolist():
        mean, length = value, 1
        while blocks and blocks[-1][0] < mean:
            other, count = blocks.pop()
            mean, length = (mean * length + other * count) / (length + count), length + count
        blocks.append((mean, length))
    return np.repeat([mean for mean, _ in blocks], [length for _, length in blocks]).astype(np.float64)
