"""How sure a mean over queries is: bootstrap intervals, and a paired test of two systems.

Queries that belong together, as the captions of one photo do, are drawn and flipped together: they are no independent
witnesses, and taken as such would make intervals too narrow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids

RESAMPLES = 1000
"""Enough for the ends of a 95 % interval (Efron and Tibshirani 1993, section 13.3)."""

FLIPS = 10_000
"""The smallest p is 1 in so many."""

SEED = 0

_ROUNDING = 1e-9  # a sum of some 100,000 values between -1 and 1 in another order differs by less


def intervals(values: NDArray[np.float64], clusters: Ids) -> NDArray[np.float64]:
    """Return the 95 % bootstrap interval of each column's mean, by percentiles, shape (m, 2).

    Args:
        values: One row per query, shape (n, m), n at least 1.
        clusters: Which queries belong together, numbered from 0 without a gap, shape (n,).
    """
    sums, sizes = _by_cluster(values, clusters)
    random = np.random.default_rng(SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for resample in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, len(sizes), len(sizes)), minlength=len(sizes))  # how often each
        means[resample] = drawn @ sums / (drawn @ sizes)
    ends: NDArray[np.float64] = np.quantile(means, (0.025, 0.975), axis=0).T
    return ends


def sign_flip_test(differences: NDArray[np.float64], clusters: Ids) -> NDArray[np.float64]:
    """Return for each column how likely chance alone gives a mean as far from 0, two-sided, shape (m,).

    Fisher's randomisation test as Smucker, Allan and Carterette (CIKM 2007) have it: if two systems are equally good,
    each query's difference could as well have the other sign. p = (1 + c) / (1 + flips), c of the flips being as far
    out (Phipson and Smyth 2010), so that p is never 0, and 1 for equal systems.

    Args:
        differences: One row per query, second system minus first, shape (n, m).
        clusters: As for `intervals`.
    """
    sums, _ = _by_cluster(differences, clusters)
    observed = np.abs(sums.sum(axis=0))
    random = np.random.default_rng(SEED)
    reached = np.zeros(len(observed), dtype=np.int64)
    for _ in range(FLIPS):
        flipped = (random.integers(0, 2, len(sums)) * 2 - 1) @ sums
        reached += np.abs(flipped) >= observed - _ROUNDING
    p: NDArray[np.float64] = (1 + reached) / (1 + FLIPS)
    return p


def _by_cluster(values: NDArray[np.float64], clusters: Ids) -> tuple[NDArray[np.float64], Ids]:
    """Return the sum of each cluster's rows, shape (c, m), and how many rows it has, (c,)."""
    sizes = np.bincount(clusters)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, clusters, values)
    return sums, sizes
