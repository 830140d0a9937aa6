"""Training of adapters on judgements, in NumPy alone: it takes seconds on any machine."""

from __future__ import annotations

import numpy as np

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from indexer.types import Progress, ProgressCallback, Vectors
from retrieval.tuning.adapter.loss import Array, Weights, loss_and_gradient, make_inputs, normalize_rows
from retrieval.tuning.training_set import TrainingSet

RANK = 16
"""The best of 4, 16 and 48 on the same users as `DRIFT_WEIGHT`."""

STEPS = 150
LEARNING_RATE = 0.01
"""Learning rate of Adam at the first step."""

DRIFT_WEIGHT = 300.0
"""Weight of the drift of general texts; see `loss_and_gradient`.

The largest of 1 to 3000 that costs almost no gain, on the simulated users on which constants are chosen
(`python -m tests.bench.users DATA --choosing --judgements 100`).
"""


def train_adapter(
    training_set: TrainingSet,
    general: Vectors,
    *,
    seed: int,
    transform_photos: bool = False,
    progress: ProgressCallback | None = None,
) -> Adapter:
    """Return an adapter that ranks good units before bad ones and is near the identity elsewhere.

    The same training set and seed give the same adapter on one machine; other builds of NumPy round sums differently.

    Args:
        training_set: The judged queries.
        general: Embeddings of general prompts, which should stay where they are; shape (g, d), unit length.
        seed: Seed of the initial D. U starts at zero, so the transform starts as the identity.
        transform_photos: Whether to transform photos as well as queries, so that the index must be rebuilt.
        progress: Called after each step.

    Raises:
        TuningError: No query has both a good unit and another one, or numbers are not finite.
    """
    _check(training_set, general)
    inputs = make_inputs(training_set, general, transform_photos=transform_photos, drift_weight=DRIFT_WEIGHT)
    rng = np.random.default_rng(seed)
    dim, rank = training_set.texts.shape[1], min(RANK, training_set.texts.shape[1])
    weights: Weights = ()
    for _ in range(1 + transform_photos):
        weights += (rng.standard_normal((dim, rank)) / np.sqrt(rank), np.zeros((rank, dim)))
    means: Weights = tuple(np.zeros_like(weight) for weight in weights)
    squares: Weights = means
    for step in range(1, STEPS + 1):
        loss, gradient = loss_and_gradient(weights, inputs)
        if not np.isfinite(loss) or not all(np.isfinite(slope).all() for slope in gradient):
            raise TuningError(f"training an adapter came to a loss of {loss} in step {step}; please report it")
        # Adam (Kingma and Ba 2015, algorithm 1) with a learning rate that falls to zero along a cosine
        means = tuple(0.9 * mean + 0.1 * slope for mean, slope in zip(means, gradient, strict=True))
        squares = tuple(0.999 * square + 0.001 * slope**2 for square, slope in zip(squares, gradient, strict=True))
        rate = LEARNING_RATE * (1 + np.cos(np.pi * (step - 1) / STEPS)) / 2
        weights = tuple(_adam_step(*parts, rate, step) for parts in zip(weights, means, squares, strict=True))
        if progress is not None:
            progress(Progress("training", step, STEPS))
    matrices = [weight.astype(np.float32) for weight in weights]
    return Adapter(LowRankAdapter(*matrices[:2]), LowRankAdapter(*matrices[2:]) if transform_photos else None)


def query_scores(training_set: TrainingSet, adapter: Adapter | None) -> Vectors:
    """Return the cosine of each judged unit with its query, with an adapter or without; shape (n,), float32."""
    texts, images, units = training_set.texts, training_set.images, training_set.units
    if adapter is not None:
        text_lengths, image_lengths = (np.linalg.norm(rows, axis=1, keepdims=True) for rows in (texts, images))
        texts, images = text_lengths * adapter.adapt_texts(texts), image_lengths * adapter.adapt_photos(images)
        if adapter.changes_index:
            units = np.where(training_set.are_photos[:, None], adapter.adapt_photos(units), adapter.adapt_texts(units))
    queries, _ = normalize_rows((texts + images).astype(np.float64))
    scores: Vectors = np.einsum("nd,nd->n", queries[training_set.owners], units).astype(np.float32)
    return scores


def _adam_step(weight: Array, mean: Array, square: Array, rate: float, step: int) -> Array:
    updated: Array = weight - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return updated


def _check(training_set: TrainingSet, general: Vectors) -> None:
    """Check that there is something to train on.

    Raises:
        TuningError: There is nothing to train on, or a number is not finite.
    """
    for name, rows in (
        ("queries", training_set.texts),
        ("queries", training_set.images),
        ("units", training_set.units),
        ("unjudged units", training_set.unjudged),
        ("general prompts", general),
    ):
        if not np.isfinite(rows).all():
            raise TuningError(f"embeddings of {name} are not finite; run: recall index --force")
    good = training_set.good
    if not good.any() or (good.all() and not len(training_set.unjudged)):
        raise TuningError(
            f"of {len(good)} judgements {int(good.sum())} are good; an adapter needs good hits and others to compare "
            "them with: judge more"
        )
