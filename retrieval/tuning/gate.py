"""The gate: what was learnt is let through only when it helps queries that it has not seen and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from indexer.errors import TuningError
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from retrieval.tuning.comparison import CONTROL_LOSS, FEWEST, Values, contrasted, judged_values, verdict
from retrieval.tuning.report import TuningReport
from retrieval.tuning.training_set import TrainingSet, alike

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Strengths at which a change may be applied, see `Adapter.interpolate`; of weights: WiSE-FT (Wortsman et al. 2022)."""

FOLDS = 5


class Change(Protocol):
    """What was learnt: an adapter, or new weights."""

    def interpolate(self, share: float) -> Self:
        """Return a part of the change, 0 for none and 1 for all."""
        ...


C = TypeVar("C", bound=Change)
C_contra = TypeVar("C_contra", bound=Change, contravariant=True)

Train = Callable[[TrainingSet, int], C]
"""A change from lessons and a seed."""

Score = Callable[[TrainingSet, C | None], Vectors]
"""The score of each judged unit, shape (n,)."""


class MeasuredControlSet(Protocol[C_contra]):
    """What measures searches for anything that nobody judged, see `ControlSet`."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    def r5(self, change: C_contra | None, /) -> float:
        """Return its R@5 under a change, or without one, points."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome(Generic[C]):
    """What learning gave.

    Attributes:
        change: What was learnt with its share applied, also where it has not passed; None where no share was worth it.
        receipt: What was measured, and whether it may be put to use.
    """

    change: C | None
    receipt: TuningReport


def tune(
    lessons: TrainingSet,
    *,
    train: Train[C],
    score: Score[C],
    control_set: MeasuredControlSet[C],
    method: str = "adapter",
    folds: int = FOLDS,
    seeds: tuple[int, ...] = (0, 1, 2),
    progress: ProgressCallback | None = None,
) -> Outcome[C]:
    """Return what was learnt from all lessons, with a receipt from queries that were held out.

    Queries are split into `folds` parts, once for each seed; those of the same words, but for case and blanks, are one.
    For each part a change is learnt from the others, less an inner part on which its share is chosen; then the part is
    compared without and with it. What is kept learns from everything, with the median of the shares chosen.

    Args:
        lessons: What was judged.
        train: Learns a change.
        score: Orders judged units.
        control_set: What must not suffer.
        method: For the receipt.
        folds: Parts, at least 2.
        seeds: Of splits and training, at least one.
        progress: Told each training.

    Raises:
        TuningError: Fewer than `FEWEST` queries have both a good and a bad unit, or training failed.
    """
    started = monotonic()
    rows, groups = contrasted(lessons), alike(lessons.texts + lessons.images)
    different = len(np.unique(groups[rows]))
    if different < FEWEST:
        raise TuningError(
            f"{different} judged queries have both a good and a bad hit; learning needs {FEWEST}: "
            f"judge {FEWEST - different} more"
        )
    before = control_set.r5(None)
    old = judged_values(lessons, score(lessons, None))
    new = np.zeros((len(seeds), len(lessons.names), 2))
    shares: list[float] = []
    total = len(seeds) * folds + 1
    for number, seed in enumerate(seeds):
        for fold, held in enumerate(_parts(rows, groups, folds, seed)):
            _tell(progress, number * folds + fold, total)
            rest = _without(np.arange(len(groups)), held, groups)
            change, share = _learnt(
                lessons, rest, groups, train=train, score=score, control_set=control_set, before=before, seed=seed
            )
            shares.append(share)
            taken = lessons.take(held)
            new[number, held] = judged_values(taken, score(taken, change.interpolate(share) if share else None))
            del change  # before the next takes as much memory again
    share = _nearest(float(np.median(shares)))
    _tell(progress, total - 1, total)
    final = train(lessons, seeds[0]).interpolate(share) if share else None
    after = before if final is None else control_set.r5(final)
    receipt = verdict(
        _by_group(old[rows], groups[rows]), _by_group(new.mean(axis=0)[rows], groups[rows]), before, after,
        method=method, control_set=control_set.name, share=share, seeds=seeds, seconds=monotonic() - started,
    )  # fmt: skip
    if final is None and receipt.passed:
        receipt = replace(receipt, passed=False, reason="most parts of the judgements gained nothing; judge more")
    _tell(progress, total, total)
    return Outcome(final, receipt)


def _learnt(
    lessons: TrainingSet,
    rest: Ids,
    groups: Ids,
    *,
    train: Train[C],
    score: Score[C],
    control_set: MeasuredControlSet[C],
    before: float,
    seed: int,
) -> tuple[C, float]:
    """Return what a part of these queries teaches, and the share of it that is best on the others of them."""
    inner = _parts(rest[np.isin(rest, contrasted(lessons))], groups, FOLDS, seed + 1)[0]
    change = train(lessons.take(_without(rest, inner, groups)), seed)
    chosen = lessons.take(inner)
    best, found = 0.0, -1.0
    for share in SHARES:  # of equal ones the smaller, which changes less
        part = change.interpolate(share) if share else None
        if share and before - control_set.r5(part) > CONTROL_LOSS:
            continue
        value = float(judged_values(chosen, score(chosen, part))[:, 0].mean())
        if value > found + 1e-9:
            best, found = share, value
    return change, best


def _parts(rows: Ids, groups: Ids, count: int, seed: int) -> list[Ids]:
    """Return queries in parts of about equal size, at random; those of one group are together."""
    drawn = np.random.default_rng(seed).permutation(np.unique(groups[rows]))
    return [rows[np.isin(groups[rows], part)] for part in np.array_split(drawn, min(count, len(drawn)))]


def _without(rows: Ids, held: Ids, groups: Ids) -> Ids:
    """Return the queries that are of no group of those held out."""
    return rows[~np.isin(groups[rows], groups[held])]


def _by_group(values: Values, groups: Ids) -> Values:
    """Return the mean of each group's values: the same words judged twice are one query."""
    _, place = np.unique(groups, return_inverse=True)
    return np.stack([values[place == number].mean(axis=0) for number in range(place.max() + 1)])


def _nearest(share: float) -> float:
    return min(SHARES, key=lambda known: (abs(known - share), known))


def _tell(progress: ProgressCallback | None, done: int, total: int) -> None:
    if progress is not None:
        progress(Progress("learning", done, total))
