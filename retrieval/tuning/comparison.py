"""How well judged units are ordered, and whether another order is better beyond chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from retrieval.evaluation.bootstrap import sign_flip_test
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet

Values = NDArray[np.float64]

FEWEST = 6
"""With five queries even five gains have p = 2/32 in a sign-flip test, which is no better than chance at 5 %."""

CONTROL_LOSS = 1.0
"""Points of R@5 that the control set may lose."""

_LEVEL = 0.05

_NORMAL = 1.959964  # 97.5 % point


class VersionComparison(NamedTuple):
    """A mean gain, the ends of its 95 % interval, and p of the sign-flip test."""

    gain: float
    low: float
    high: float
    p: float


def judged_values(lessons: TrainingSet, scores: Vectors) -> Values:
    """Return nDCG@10 and R@5 of each query over its judged units alone, shape (q, 2), 0 to 1.

    Units without a verdict are left out of the list (condensed lists, Sakai, SIGIR 2007). Equal scores stand in the
    order of the lessons. A query without a good unit has 0.

    Args:
        lessons: Queries and verdicts.
        scores: Of each judged unit, shape (n,).
    """
    order = np.lexsort((np.arange(len(scores)), -scores, lessons.owners))
    owners, good = lessons.owners[order], lessons.good[order]
    queries = len(lessons.names)
    places = np.arange(len(order)) - np.searchsorted(owners, owners)  # from 0 in each query
    gains = np.where(good & (places < 10), 1 / np.log2(places + 2), 0.0)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(10) + 2))])
    best = ideal[np.minimum(np.bincount(owners[good], minlength=queries), 10)]
    found = np.bincount(owners, weights=gains, minlength=queries)
    values = np.zeros((queries, 2))
    np.divide(found, best, out=values[:, 0], where=best > 0)
    values[owners[good & (places < 5)], 1] = 1.0
    return values


def contrasted(lessons: TrainingSet) -> Ids:
    """Return the queries with both a good and a bad unit, whose order can be right or wrong, ascending."""
    queries = len(lessons.names)
    good = np.bincount(lessons.owners[lessons.good], minlength=queries)
    bad = np.bincount(lessons.owners[~lessons.good], minlength=queries)
    return np.flatnonzero((good > 0) & (bad > 0)).astype(np.int64)


def compared(differences: Values) -> VersionComparison:
    """Return how sure the mean of paired differences is, one of each query, shape (q,), q at least 2.

    The interval is Student's: a percentile bootstrap of a dozen queries is too narrow. The test needs no normal
    distribution; whoever asks for both keeps the level where either one alone might not.
    """
    count = len(differences)
    mean = float(differences.mean())
    half = _student(count - 1) * float(differences.std(ddof=1)) / np.sqrt(count)
    p = float(sign_flip_test(differences[:, None], np.arange(count))[0])
    return VersionComparison(mean, mean - half, mean + half, p)


def verdict(
    old: Values,
    new: Values,
    control_before: float,
    control_after: float,
    *,
    method: str = "adapter",
    control_set: str = "",
    share: float = 1.0,
    seeds: tuple[int, ...] = (),
    seconds: float = 0.0,
) -> TuningReport:
    """Return whether the new order of held-out queries is better beyond chance, and nothing else has suffered.

    Args:
        old: nDCG@10 and R@5 of each held-out query before, shape (q, 2), q at least `FEWEST`.
        new: The same after, by something that did not learn from that query.
        control_before: R@5 of the control set before, points.
        control_after: The same after.
        method: For the receipt, as are all that follow.
        control_set: What the control set is.
        share: How much of what was learnt is applied.
        seeds: Of splits and training.
        seconds: What it took.

    Raises:
        ValueError: Shapes differ, or there are fewer queries.
    """
    if old.shape != new.shape or old.shape[1:] != (2,) or len(old) < FEWEST:
        raise ValueError(f"values of the shapes {old.shape} and {new.shape}; expected (q, 2), q at least {FEWEST}")
    found = compared(new[:, 0] - old[:, 0])
    lost = control_before - control_after
    reasons = []
    if not (found.low > 0 and found.p <= _LEVEL):
        reasons.append(
            "the gain may be chance; judge more" if found.gain > 0 else "held-out queries gained nothing; judge more"
        )
    if not lost <= CONTROL_LOSS:  # so that a control set that is not a number is a loss
        reasons.append(f"searches for anything else lost {lost:.1f} points, more than {CONTROL_LOSS:.0f}")
    before, after = old.mean(axis=0), new.mean(axis=0)
    return TuningReport(
        method=method,
        passed=not reasons,
        reason="; ".join(reasons),
        queries=len(old),
        ndcg_before=float(before[0]),
        ndcg_after=float(after[0]),
        low=found.low,
        high=found.high,
        p=found.p,
        r5_before=float(before[1]),
        r5_after=float(after[1]),
        control_set=control_set,
        control_before=control_before,
        control_after=control_after,
        alpha=share,
        seeds=seeds,
        seconds=seconds,
    )


def _student(degrees: int) -> float:
    """Return the 97.5 % point of Student's distribution, within .3 % from four degrees of freedom on.

    By Abramowitz and Stegun 1964, 26.7.5.
    """
    x, n = _NORMAL, degrees
    return float(
        x
        + (x**3 + x) / (4 * n)
        + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * n**2)
        + (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * n**3)
        + (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / (92160 * n**4)
    )
