"""Adapters learnt from judgements, in NumPy alone: seconds, on any machine."""

from __future__ import annotations

import numpy as np

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from indexer.types import Progress, ProgressCallback, Vectors
from retrieval.tuning.adapter.loss import Array, Weights, loss_of, task_of, unit_length
from retrieval.tuning.training_set import TrainingSet

RANK = 16
"""Of 4, 16 and 48 the best on the same users as `KEEP`."""

STEPS = 150
RATE = 0.01
"""The first step of Adam."""

KEEP = 300.0
"""Weight of holding general texts; see `loss_of`.

Of 1 to 3000 the largest that costs next to no gain, on the simulated users that constants are chosen on
(`python -m tests.bench.users DATA --choosing --judgements 100`).
"""


def train_adapter(
    lessons: TrainingSet, general: Vectors, *, seed: int, both: bool = False, progress: ProgressCallback | None = None
) -> Adapter:
    """Return an adapter under which good units come before bad ones, near identity elsewhere.

    The same lessons and seed give the same adapter (on one machine: sums of other builds of NumPy round differently).

    Args:
        lessons: What was judged.
        general: Vectors of prompts about anything, which are held where they are; shape (g, d), unit length.
        seed: Of the start of D; U starts at zero, hence the transform at the identity.
        both: Whether photos are transformed too, so that the index has to be made anew.
        progress: Told each step.

    Raises:
        TuningError: No query has a good unit and another one, or numbers are not finite.
    """
    _check(lessons, general)
    task = task_of(lessons, general, both=both, keep=KEEP)
    rng = np.random.default_rng(seed)
    dim, rank = lessons.texts.shape[1], min(RANK, lessons.texts.shape[1])
    weights: Weights = ()
    for _ in range(1 + both):
        weights += (rng.standard_normal((dim, rank)) / np.sqrt(rank), np.zeros((rank, dim)))
    first: Weights = tuple(np.zeros_like(part) for part in weights)
    second: Weights = first
    for step in range(1, STEPS + 1):
        value, slopes = loss_of(weights, task)
        if not np.isfinite(value) or not all(np.isfinite(slope).all() for slope in slopes):
            raise TuningError(f"training an adapter came to a loss of {value} in step {step}; please report it")
        # Adam (Kingma and Ba 2015, algorithm 1), its rate falling to zero along a cosine
        first = tuple(0.9 * mean + 0.1 * slope for mean, slope in zip(first, slopes, strict=True))
        second = tuple(0.999 * mean + 0.001 * slope**2 for mean, slope in zip(second, slopes, strict=True))
        rate = RATE * (1 + np.cos(np.pi * (step - 1) / STEPS)) / 2
        weights = tuple(_stepped(*parts, rate, step) for parts in zip(weights, first, second, strict=True))
        if progress is not None:
            progress(Progress("training", step, STEPS))
    parts = [part.astype(np.float32) for part in weights]
    return Adapter(LowRankAdapter(*parts[:2]), LowRankAdapter(*parts[2:]) if both else None)


def query_scores(lessons: TrainingSet, adapter: Adapter | None) -> Vectors:
    """Return the cosine of each judged unit with its query under an adapter, or without one; shape (n,), float32."""
    texts, images, units = lessons.texts, lessons.images, lessons.units
    if adapter is not None:
        strength, depth = (np.linalg.norm(rows, axis=1, keepdims=True) for rows in (texts, images))
        texts, images = strength * adapter.adapt_texts(texts), depth * adapter.adapt_photos(images)
        if adapter.changes_index:
            units = np.where(lessons.are_photos[:, None], adapter.adapt_photos(units), adapter.adapt_texts(units))
    queries, _ = unit_length((texts + images).astype(np.float64))
    scores: Vectors = np.einsum("nd,nd->n", queries[lessons.owners], units).astype(np.float32)
    return scores


def _stepped(weight: Array, mean: Array, square: Array, rate: float, step: int) -> Array:
    stepped: Array = weight - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return stepped


def _check(lessons: TrainingSet, general: Vectors) -> None:
    """Refuse what nothing can be learnt from.

    Raises:
        TuningError: There is none, or a number is not finite.
    """
    for name, rows in (("queries", lessons.texts), ("queries", lessons.images), ("units", lessons.units),
                       ("unjudged units", lessons.others), ("general prompts", general)):  # fmt: skip
        if not np.isfinite(rows).all():
            raise TuningError(f"vectors of {name} are not finite; index anew with: recall index --force")
    if not lessons.good.any() or (lessons.good.all() and not len(lessons.others)):
        raise TuningError(
            f"{len(lessons.good)} judgements hold {int(lessons.good.sum())} good ones; an adapter learns from good "
            "ones and others to compare with: judge more"
        )
