"""How many units of a library match a query, with a 90 % interval."""

from __future__ import annotations

from math import exp, log1p, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from retrieval.calibration.fitted import DISPERSION
from retrieval.calibration.probability import QueryModel

DEPTH = 256
"""Number of best units whose probabilities are added up; the rest is estimated from a sample."""

_QUANTILE = 1.645
"""A normal value lies within this number of standard deviations of its mean with 90 %."""


class Expected(NamedTuple):
    """An estimated number of matching units.

    Attributes:
        number: The estimate.
        low: The true number is larger with 95 %.
        high: It is smaller with 95 %.
    """

    number: float
    low: float
    high: float


def expected_number(model: QueryModel, best: ArrayLike, sample: ArrayLike, population: int) -> float:
    """Return the expected number of units that match.

    Args:
        model: The model of the query.
        best: Scores of the best units, best first; `DEPTH` of them count.
        sample: Scores of a sample of all units, shape (s,).
        population: Number of units.
    """
    top, others = np.asarray(best)[:DEPTH], np.asarray(sample)
    number = float(model.probabilities(top).sum())
    rest = population - len(top)
    below = others[others < top[-1]] if len(top) else others
    if rest <= 0 or not len(below):
        return number
    return number + rest * float(model.probabilities(below).mean())


def with_interval(number: float) -> Expected:
    """Return an expected number with its 90 % interval.

    The logarithm of the true number spreads around that of the expected one as it did for the queries that the
    constants were fitted on; small numbers also vary by chance.
    """
    spread = sqrt(log1p(exp(DISPERSION**2) - 1 + 1 / max(number, 0.1)))
    factor = exp(_QUANTILE * spread)
    low = number / factor
    return Expected(number, low if low >= 0.5 else 0.0, number * factor)
