"""The gate: a training passes only if it improves held-out queries and does no harm to the control set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from indexer.errors import TuningError
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from retrieval.tuning.comparison import (
    MAX_CONTROL_LOSS,
    MIN_QUERIES,
    Metrics,
    comparable_queries,
    make_report,
    query_metrics,
)
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet, group_duplicates

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Fractions of a change that may be applied, see `Adapter.interpolate`; for weights: WiSE-FT (Wortsman et al. 2022)."""

FOLDS = 5


class TrainedChange(Protocol):
    """The result of a training: an adapter, or new weights."""

    def interpolate(self, alpha: float, /) -> Self:
        """Return a fraction of the change, 0 for none and 1 for all."""
        ...


C = TypeVar("C", bound=TrainedChange)
C_contra = TypeVar("C_contra", bound=TrainedChange, contravariant=True)

Train = Callable[[TrainingSet, int], C]
"""Trains a change on a training set with a seed."""

Score = Callable[[TrainingSet, C | None], Vectors]
"""Returns the score of each judged unit under a change or without one, shape (n,)."""


class MeasuredControlSet(Protocol[C_contra]):
    """A control set that can be measured under a change, see `ControlSet`."""

    @property
    def name(self) -> str:
        """Its name, for people."""
        ...

    def recall_at_5(self, change: C_contra | None, /) -> float:
        """Return R@5 under a change, or without one, in points."""
        ...


@dataclass(frozen=True, slots=True)
class TuningResult(Generic[C]):
    """A trained change and its report.

    Attributes:
        change: The change with its alpha applied, whether it passed or not; None if alpha is 0.
        report: What was measured, and whether it passed.
    """

    change: C | None
    report: TuningReport


def train_with_gate(
    training_set: TrainingSet,
    *,
    train: Train[C],
    score: Score[C],
    control_set: MeasuredControlSet[C],
    method: str = "adapter",
    folds: int = FOLDS,
    seeds: tuple[int, ...] = (0, 1, 2),
    progress: ProgressCallback | None = None,
) -> TuningResult[C]:
    """Return a change trained on the whole training set, with a report measured by cross-validation.

    For each seed the queries are split into folds; queries of the same text, apart from case and blanks, stay together.
    For each fold a change is trained on the other folds, less an inner part on which alpha is chosen, and then measured
    on the fold. The final change is trained on everything and applied with the median alpha.

    Args:
        training_set: The judged queries.
        train: Trains a change.
        score: Scores judged units.
        control_set: Queries that must not get worse.
        method: For the report.
        folds: Number of folds, at least 2.
        seeds: Seeds of the splits and of the training, at least one.
        progress: Called after each training.

    Raises:
        TuningError: Fewer than `MIN_QUERIES` queries have both a good and a bad unit, or a training failed.
    """
    started = monotonic()
    rows, groups = comparable_queries(training_set), group_duplicates(training_set.texts + training_set.images)
    _require_queries(len(np.unique(groups[rows])))
    validation = _CrossValidation(training_set, groups, train, score, control_set, control_set.recall_at_5(None))
    before = query_metrics(training_set, score(training_set, None))
    after = np.zeros((len(seeds), len(training_set.names), 2))
    alphas: list[float] = []
    total = len(seeds) * folds + 1
    for number, seed in enumerate(seeds):
        for fold_number, fold in enumerate(_split(rows, groups, folds, seed)):
            _notify(progress, number * folds + fold_number, total)
            after[number, fold], alpha = validation.measure_fold(fold, seed)
            alphas.append(alpha)
    alpha = _nearest_alpha(float(np.median(alphas)))
    _notify(progress, total - 1, total)
    change = train(training_set, seeds[0]).interpolate(alpha) if alpha else None
    control_after = validation.control_before if change is None else control_set.recall_at_5(change)
    report = make_report(
        _mean_by_group(before[rows], groups[rows]),
        _mean_by_group(after.mean(axis=0)[rows], groups[rows]),
        validation.control_before, control_after, method=method, control_set=control_set.name, alpha=alpha,
        seeds=seeds, seconds=monotonic() - started,
    )  # fmt: skip
    if change is None and report.passed:
        report = replace(report, passed=False, reason="most folds of the judgements did not gain; judge more")
    _notify(progress, total, total)
    return TuningResult(change, report)


def _require_queries(count: int) -> None:
    if count < MIN_QUERIES:
        raise TuningError(
            f"learning needs {MIN_QUERIES} judged queries with both a good and a bad hit, but there "
            f"{'is' if count == 1 else 'are'} {count}; judge {MIN_QUERIES - count} more"
        )


@dataclass(frozen=True, slots=True)
class _CrossValidation(Generic[C]):
    """Trains without the queries of a fold and measures on them.

    Attributes:
        training_set: The judged queries.
        groups: For each query the first one of the same text, shape (q,).
        train: Trains a change.
        score: Scores judged units.
        control_set: Queries that must not get worse.
        control_before: R@5 of the control set without a change, points.
    """

    training_set: TrainingSet
    groups: Ids
    train: Train[C]
    score: Score[C]
    control_set: MeasuredControlSet[C]
    control_before: float

    def measure_fold(self, fold: Ids, seed: int) -> tuple[Metrics, float]:
        """Return the metrics of a fold's queries under a change trained without them, and the alpha of the change."""
        rest = _exclude(np.arange(len(self.groups)), fold, self.groups)
        change, alpha = self._train_part(rest, seed)
        held_out = self.training_set.take(fold)
        return query_metrics(held_out, self.score(held_out, change.interpolate(alpha) if alpha else None)), alpha

    def _train_part(self, rows: Ids, seed: int) -> tuple[C, float]:
        """Return a change trained on most of these queries, and the alpha that is best on the others."""
        comparable = rows[np.isin(rows, comparable_queries(self.training_set))]
        inner = _split(comparable, self.groups, FOLDS, seed + 1)[0]
        change = self.train(self.training_set.take(_exclude(rows, inner, self.groups)), seed)
        held_out = self.training_set.take(inner)
        best_alpha, best_ndcg = 0.0, -1.0
        for alpha in ALPHAS:  # of equal ones the smallest, which changes least
            part = change.interpolate(alpha) if alpha else None
            if alpha and self.control_before - self.control_set.recall_at_5(part) > MAX_CONTROL_LOSS:
                continue
            ndcg = float(query_metrics(held_out, self.score(held_out, part))[:, 0].mean())
            if ndcg > best_ndcg + 1e-9:
                best_alpha, best_ndcg = alpha, ndcg
        return change, best_alpha


def _split(rows: Ids, groups: Ids, count: int, seed: int) -> list[Ids]:
    """Return the queries in random parts of about equal size; those of one group stay together."""
    order = np.random.default_rng(seed).permutation(np.unique(groups[rows]))
    return [rows[np.isin(groups[rows], part)] for part in np.array_split(order, min(count, len(order)))]


def _exclude(rows: Ids, excluded: Ids, groups: Ids) -> Ids:
    """Return the queries that share no group with the excluded ones."""
    return rows[~np.isin(groups[rows], groups[excluded])]


def _mean_by_group(metrics: Metrics, groups: Ids) -> Metrics:
    """Return the mean metrics of each group: a text that was judged twice counts as one query."""
    _, numbers = np.unique(groups, return_inverse=True)
    return np.stack([metrics[numbers == number].mean(axis=0) for number in range(numbers.max() + 1)])


def _nearest_alpha(value: float) -> float:
    return min(ALPHAS, key=lambda alpha: (abs(alpha - value), alpha))


def _notify(progress: ProgressCallback | None, done: int, total: int) -> None:
    if progress is not None:
        progress(Progress("learning", done, total))
