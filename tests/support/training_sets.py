"""Random training sets."""

from __future__ import annotations

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval.tuning.training_set import TrainingSet


def unit_rows(count: int, dim: int, random: np.random.Generator) -> Vectors:
    """Return rows of random directions, shape (count, dim), unit length."""
    return to_unit_length(random.standard_normal((count, dim)).astype(np.float32))


def random_training_set(*, queries: int, units: int, unjudged: int, dim: int, seed: int) -> TrainingSet:
    """Return a training set of random vectors and verdicts, on photos and texts."""
    random = np.random.default_rng(seed)
    return TrainingSet(
        names=tuple(map(str, range(queries))),
        texts=unit_rows(queries, dim, random),
        images=np.zeros((queries, dim), dtype=np.float32),
        owners=random.integers(0, queries, units),
        units=unit_rows(units, dim, random),
        are_photos=random.random(units) < 0.7,
        good=random.random(units) < 0.5,
        unjudged=unit_rows(unjudged, dim, random),
        unjudged_are_photos=random.random(unjudged) < 0.7,
    )
