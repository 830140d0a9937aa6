"""What fitted constants reach on trials, as rows of Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.calibration import THRESHOLD
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import Constants, Numbers
from retrieval.evaluation.calibration import QueryPairs, bins
from training.calibration.fitting import Library, model_of

FACTOR = 1.5
"""An expected number within this factor of the true one is called near."""

HEAD = (
    "queries and what is searched", "half", "queries", "calibration error", "hidden of what is right",
    "nothing shown, none is right", "nothing shown, some are", "AUROC", "expected", "true", "near",
)  # fmt: skip
"""Columns of the table of figures."""


def figures(libraries: Sequence[Library], constants: Constants) -> list[str]:
    """Return the figures of one group of trials: the columns of `HEAD` from the number of queries on."""
    pairs = _pairs(libraries, constants)
    probabilities = np.concatenate([each.probabilities for each in pairs])
    right = np.concatenate([each.shares for each in pairs])
    shown = probabilities >= THRESHOLD
    best = np.array([each.probabilities.max() for each in pairs])
    numbers = np.array([(each.shares > 0.5).sum() for each in pairs])
    return [
        f"{len(libraries):,}",
        f"{calibration_error(probabilities[shown], right[shown]):.3f}",
        f"{(probabilities[right > 0.5] < THRESHOLD).mean():.0%}",
        *_separation(best[numbers == 0], best[numbers > 0]),
        *_expected_numbers(pairs, numbers),
    ]


def reliability(fitted: Sequence[tuple[Sequence[Library], Constants]]) -> list[dict[str, float]]:
    """Return for bins of probability what Recall says, what is right, and the number of pairs.

    Args:
        fitted: Libraries, with constants that were not fitted on them.
    """
    return bins([each for libraries, constants in fitted for each in _pairs(libraries, constants)])


def dispersion(libraries: Sequence[Library], constants: Constants) -> float:
    """Return the standard deviation of the logarithm of true by expected numbers, for queries with an answer."""
    pairs = _pairs(libraries, constants)
    numbers = np.array([(each.shares > 0.5).sum() for each in pairs])
    expected: Numbers = np.array([each.probabilities.sum() for each in pairs])
    rows = numbers > 0
    return float(np.sqrt(np.mean(np.log((numbers[rows] + 0.5) / (expected[rows] + 0.5)) ** 2)))


def _pairs(libraries: Sequence[Library], constants: Constants) -> list[QueryPairs]:
    """Return the known pairs of each query; the expected number only if all are known."""
    pairs = []
    for library in libraries:
        values = model_of(library, constants).probabilities(library.scores)
        known = np.isfinite(library.targets)
        pairs.append(QueryPairs(values[known], library.targets[known], float(values.sum()) if known.all() else None))
    return pairs


def _separation(absent: Numbers, present: Numbers) -> list[str]:
    """Return how often nothing is shown without and with an answer, and the AUROC of the best probability."""
    if not len(absent) or not len(present):
        return ["", "", ""]
    nothing = (f"{(values < THRESHOLD).mean():.0%} of {len(values)}" for values in (absent, present))
    return [*nothing, f"{auroc(present, absent):.3f}"]


def _expected_numbers(pairs: Sequence[QueryPairs], numbers: NDArray[np.int64]) -> list[str]:
    """Return the sums of expected and true numbers, and how often the expected number is near the true one."""
    expected = np.array([each.expected for each in pairs if each.expected is not None])
    if len(expected) < len(pairs):
        return ["", "", ""]
    rows = numbers > 0
    is_near = np.abs(np.log(expected[rows] / numbers[rows])) < np.log(FACTOR)
    return [f"{expected[rows].sum():,.0f}", f"{numbers.sum():,}", f"{is_near.mean():.0%}"]
