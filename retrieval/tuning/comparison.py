"""Metrics of judged queries, and the statistical test of a gain on held-out queries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from retrieval.evaluation.bootstrap import sign_flip_test
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet

Metrics = NDArray[np.float64]
"""nDCG@10 and R@5 of each query, 0 to 1, shape (q, 2)."""

MIN_QUERIES = 6
"""Fewer cannot be significant: with five queries, five gains have p = 2/32 in a sign-flip test, above 5 %."""

MAX_CONTROL_LOSS = 1.0
"""Points of R@5 that the control set may lose."""

_LEVEL = 0.05

_NORMAL_QUANTILE = 1.959964  # 97.5 % point of the normal distribution


class VersionComparison(NamedTuple):
    """A mean gain with its 95 % interval and the p value of the sign-flip test."""

    gain: float
    low: float
    high: float
    p: float


def query_metrics(training_set: TrainingSet, scores: Vectors) -> Metrics:
    """Return nDCG@10 and R@5 of each query over its judged units, shape (q, 2), 0 to 1.

    Unjudged units are left out of the ranking (condensed lists, Sakai, SIGIR 2007). Units of equal score keep the order
    of the training set. A query without a good unit has 0.

    Args:
        training_set: Queries and verdicts.
        scores: Score of each judged unit, shape (n,).
    """
    order = np.lexsort((np.arange(len(scores)), -scores, training_set.owners))
    owners, good = training_set.owners[order], training_set.good[order]
    queries = len(training_set.names)
    ranks = np.arange(len(order)) - np.searchsorted(owners, owners)  # from 0 within each query
    gains = np.where(good & (ranks < 10), 1 / np.log2(ranks + 2), 0.0)
    ideal_dcg = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(10) + 2))])
    best = ideal_dcg[np.minimum(np.bincount(owners[good], minlength=queries), 10)]
    dcg = np.bincount(owners, weights=gains, minlength=queries)
    metrics = np.zeros((queries, 2))
    np.divide(dcg, best, out=metrics[:, 0], where=best > 0)
    metrics[owners[good & (ranks < 5)], 1] = 1.0
    return metrics


def comparable_queries(training_set: TrainingSet) -> Ids:
    """Return the queries with both a good and a bad unit, ascending: only their order can be right or wrong."""
    queries = len(training_set.names)
    good = np.bincount(training_set.owners[training_set.good], minlength=queries)
    bad = np.bincount(training_set.owners[~training_set.good], minlength=queries)
    return np.flatnonzero((good > 0) & (bad > 0)).astype(np.int64)


def compare_paired(differences: Metrics) -> VersionComparison:
    """Return the mean of paired differences with its interval and p value.

    The interval is Student's, because a percentile bootstrap of a dozen queries is too narrow. The sign-flip test
    assumes no normal distribution. Requiring both keeps the level where either one alone might not.

    Args:
        differences: One number for each query, shape (q,), q at least 2.
    """
    count = len(differences)
    mean = float(differences.mean())
    half = _student_quantile(count - 1) * float(differences.std(ddof=1)) / np.sqrt(count)
    p = float(sign_flip_test(differences[:, None], np.arange(count))[0])
    return VersionComparison(mean, mean - half, mean + half, p)


def make_report(
    before: Metrics,
    after: Metrics,
    control_before: float,
    control_after: float,
    *,
    method: str = "adapter",
    control_set: str = "",
    alpha: float = 1.0,
    seeds: tuple[int, ...] = (),
    seconds: float = 0.0,
) -> TuningReport:
    """Return the report of a training: it passes if held-out queries gained and the control set did not suffer.

    Args:
        before: nDCG@10 and R@5 of each held-out query before training, shape (q, 2), q at least `MIN_QUERIES`.
        after: The same after training without that query.
        control_before: R@5 of the control set before training, points.
        control_after: The same after training.
        method: For the report, as are all that follow.
        control_set: Name of the control set.
        alpha: Fraction of the trained change that is applied.
        seeds: Seeds of the splits and of the training.
        seconds: Duration.

    Raises:
        ValueError: The shapes differ, or there are fewer queries.
    """
    if before.shape != after.shape or before.shape[1:] != (2,) or len(before) < MIN_QUERIES:
        raise ValueError(
            f"metrics of the shapes {before.shape} and {after.shape}; expected (q, 2), q at least {MIN_QUERIES}"
        )
    comparison = compare_paired(after[:, 0] - before[:, 0])
    reasons = _objections(comparison, control_before - control_after)
    ndcg_before, r5_before = before.mean(axis=0).tolist()
    ndcg_after, r5_after = after.mean(axis=0).tolist()
    return TuningReport(
        method=method,
        passed=not reasons,
        reason="; ".join(reasons),
        queries=len(before),
        ndcg_before=ndcg_before,
        ndcg_after=ndcg_after,
        low=comparison.low,
        high=comparison.high,
        p=comparison.p,
        r5_before=r5_before,
        r5_after=r5_after,
        control_set=control_set,
        control_before=control_before,
        control_after=control_after,
        alpha=alpha,
        seeds=seeds,
        seconds=seconds,
    )


def _objections(comparison: VersionComparison, control_loss: float) -> list[str]:
    """Return why a training does not pass; empty if it does."""
    reasons = []
    if not (comparison.low > 0 and comparison.p <= _LEVEL):
        reasons.append(
            "the gain may be chance; judge more" if comparison.gain > 0 else "held-out queries did not gain; judge more"
        )
    if not control_loss <= MAX_CONTROL_LOSS:  # written so that NaN counts as a loss
        reasons.append(f"the control set lost {control_loss:.1f} points, more than {MAX_CONTROL_LOSS:.0f}")
    return reasons


def _student_quantile(degrees: int) -> float:
    """Return the 97.5 % point of Student's distribution, accurate to .3 % from four degrees of freedom.

    By Abramowitz and Stegun 1964, 26.7.5.
    """
    x, n = _NORMAL_QUANTILE, degrees
    return float(
        x
        + (x**3 + x) / (4 * n)
        + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * n**2)
        + (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * n**3)
        + (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / (92160 * n**4)
    )
