"""The gate: an adapter is let through only when it helps queries that it has not seen and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

import numpy as np

from indexer.encoders.adapter import Adapter
from indexer.errors import TuningError
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from retrieval.tuning.judging import FEWEST, PROBE_LOSS, contrasted, judged_values, verdict
from retrieval.tuning.lessons import Lessons
from retrieval.tuning.receipt import Receipt

Train = Callable[[Lessons, int], Adapter]
"""An adapter from lessons and a seed."""

Score = Callable[[Lessons, Adapter | None], Vectors]
"""The score of each judged unit, shape (n,)."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How much of an adapter may be applied, see `Adapter.at`."""

FOLDS = 5


class GeneralProbe(Protocol):
    """What measures searches for anything that nobody judged, see `Probe`."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    def r5(self, adapter: Adapter | None) -> float:
        """Return its R@5 under an adapter, or without one, points."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What learning gave.

    Attributes:
        adapter: The adapter with its share applied, also where it has not passed; None where no share was worth it.
        receipt: What was measured, and whether it may be put to use.
    """

    adapter: Adapter | None
    receipt: Receipt


def tune(
    lessons: Lessons,
    *,
    train: Train,
    score: Score,
    probe: GeneralProbe,
    seeds: tuple[int, ...] = (0, 1, 2),
    progress: ProgressCallback | None = None,
) -> Outcome:
    """Return an adapter learnt from all lessons, with a receipt from queries that were held out.

    Queries are split into `FOLDS` parts, once for each seed. For each part an adapter learns from the others, less an
    inner part on which its share is chosen; then the part is compared without and with it. What is kept learns from
    everything, with the median of the shares chosen.

    Args:
        lessons: What was judged.
        train: Makes an adapter.
        score: Orders judged units.
        probe: What must not suffer.
        seeds: Of splits and training, at least one.
        progress: Told each training.

    Raises:
        TuningError: Fewer than `FEWEST` queries have both a good and a bad unit, or training failed.
    """
    started = monotonic()
    rows = contrasted(lessons)
    if len(rows) < FEWEST:
        raise TuningError(
            f"{len(rows)} judged queries have both a good and a bad hit; learning needs {FEWEST}: "
            f"judge {FEWEST - len(rows)} more"
        )
    before = probe.r5(None)
    old = judged_values(lessons, score(lessons, None))
    new = np.zeros((len(seeds), len(lessons.names), 2))
    shares: list[float] = []
    total = len(seeds) * FOLDS + 1
    for number, seed in enumerate(seeds):
        for fold, held in enumerate(_parts(rows, FOLDS, seed)):
            _tell(progress, number * FOLDS + fold, total)
            rest = np.setdiff1d(np.arange(len(lessons.names)), held)
            adapter, share = _learnt(lessons, rest, train=train, score=score, probe=probe, before=before, seed=seed)
            shares.append(share)
            taken = lessons.take(held)
            new[number, held] = judged_values(taken, score(taken, adapter.at(share) if share else None))
    share = _nearest(float(np.median(shares)))
    _tell(progress, total - 1, total)
    final = train(lessons, seeds[0]).at(share) if share else None
    after = before if final is None else probe.r5(final)
    receipt = verdict(
        old[rows], new.mean(axis=0)[rows], before, after,
        probe=probe.name, share=share, seeds=seeds, seconds=monotonic() - started,
    )  # fmt: skip
    if final is None and receipt.passed:
        receipt = replace(receipt, passed=False, reason="most parts of the judgements gained nothing; judge more")
    _tell(progress, total, total)
    return Outcome(final, receipt)


def _learnt(
    lessons: Lessons, rest: Ids, *, train: Train, score: Score, probe: GeneralProbe, before: float, seed: int
) -> tuple[Adapter, float]:
    """Return an adapter from a part of these queries, and the share that is best on the others of them."""
    inner = _parts(rest[np.isin(rest, contrasted(lessons))], FOLDS, seed + 1)[0]
    adapter = train(lessons.take(np.setdiff1d(rest, inner)), seed)
    chosen = lessons.take(inner)
    best, found = 0.0, -1.0
    for share in SHARES:  # of equal ones the smaller, which changes less
        part = adapter.at(share) if share else None
        if share and before - probe.r5(part) > PROBE_LOSS:
            continue
        value = float(judged_values(chosen, score(chosen, part))[:, 0].mean())
        if value > found + 1e-9:
            best, found = share, value
    return adapter, best


def _parts(rows: Ids, count: int, seed: int) -> list[Ids]:
    """Return rows in parts of about equal size, at random."""
    drawn = np.random.default_rng(seed).permutation(rows)
    return [np.sort(part) for part in np.array_split(drawn, min(count, len(drawn)))]


def _nearest(share: float) -> float:
    return min(SHARES, key=lambda known: (abs(known - share), known))


def _tell(progress: ProgressCallback | None, done: int, total: int) -> None:
    if progress is not None:
        progress(Progress("learning", done, total))
