"""Bootstrap intervals of a mean over queries, and a paired test of two systems.

Queries of one cluster, such as the captions of one photo, are resampled and flipped together: they are not independent,
and treating them as such would make the intervals too narrow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids

RESAMPLES = 1000
"""Enough for the ends of a 95 % interval (Efron and Tibshirani 1993, section 13.3)."""

FLIPS = 10_000
"""The smallest possible p is 1 / (1 + FLIPS)."""

SEED = 0

_ROUNDING = 1e-9  # sums of 100,000 values between -1 and 1 in two orders differ by less


def intervals(values: NDArray[np.float64], clusters: Ids) -> NDArray[np.float64]:
    """Return the 95 % bootstrap interval of each column's mean, by percentiles, shape (m, 2).

    Args:
        values: One row per query, shape (n, m), n at least 1.
        clusters: Cluster of each query, numbered from 0 without a gap, shape (n,).
    """
    sums, sizes = _cluster_sums(values, clusters)
    random = np.random.default_rng(SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for resample in range(RESAMPLES):
        counts = np.bincount(random.integers(0, len(sizes), len(sizes)), minlength=len(sizes))  # draws of each cluster
        means[resample] = counts @ sums / (counts @ sizes)
    ends: NDArray[np.float64] = np.quantile(means, (0.025, 0.975), axis=0).T
    return ends


def sign_flip_test(differences: NDArray[np.float64], clusters: Ids) -> NDArray[np.float64]:
    """Return the two-sided p value of each column's mean: how likely chance alone moves it as far from 0, shape (m,).

    Fisher's randomisation test, as in Smucker, Allan and Carterette (CIKM 2007): if two systems are equally good, the
    difference of each query could as well have the other sign. p = (1 + c) / (1 + flips), where c is the number of
    flips at least as extreme (Phipson and Smyth 2010). So p is never 0, and is 1 for equal systems.

    Args:
        differences: One row per query, second system minus first, shape (n, m).
        clusters: As for `intervals`.
    """
    sums, _ = _cluster_sums(differences, clusters)
    observed = np.abs(sums.sum(axis=0))
    random = np.random.default_rng(SEED)
    extreme = np.zeros(len(observed), dtype=np.int64)
    for _ in range(FLIPS):
        flipped = (random.integers(0, 2, len(sums)) * 2 - 1) @ sums
        extreme += np.abs(flipped) >= observed - _ROUNDING
    p: NDArray[np.float64] = (1 + extreme) / (1 + FLIPS)
    return p


def _cluster_sums(values: NDArray[np.float64], clusters: Ids) -> tuple[NDArray[np.float64], Ids]:
    """Return the sum of each cluster's rows, shape (c, m), and its number of rows, shape (c,)."""
    sizes = np.bincount(clusters)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, clusters, values)
    return sums, sizes
