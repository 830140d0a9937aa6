"""How long an adapter takes to train on a thousand judgements, for queries alone and for photos too.

    OMP_NUM_THREADS=1 python -m tests.bench.adapter_speed

The size of the library does not matter: of 100,000 embeddings as of 10 million, 5,000 unjudged ones are sampled.
`recall tune` trains 16 adapters.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from indexer.encoders import load_encoder
from indexer.types import Vectors
from retrieval.calibration.background import background_vectors
from retrieval.tuning.adapter.train_adapter import train_adapter
from retrieval.tuning.training_set import TrainingSet
from tests.support.vectors import mixed_vectors

QUERIES, SHOWN, UNJUDGED = 100, 10, 5000


def make_training_set(general: Vectors) -> TrainingSet:
    """Return a hundred queries with ten judged units each, a third of them good."""
    texts = mixed_vectors(QUERIES, general, seed=1)
    units = mixed_vectors(QUERIES * SHOWN, general, seed=2)
    return TrainingSet(
        names=tuple(f"query {number}" for number in range(QUERIES)),
        texts=texts,
        images=np.zeros_like(texts),
        owners=np.repeat(np.arange(QUERIES), SHOWN),
        units=units,
        are_photos=np.ones(len(units), dtype=np.bool_),
        good=np.arange(len(units)) % 3 == 0,
        unjudged=mixed_vectors(UNJUDGED, general, seed=3),
        unjudged_are_photos=np.ones(UNJUDGED, dtype=np.bool_),
    )


def main() -> None:
    """Print seconds, the median of three."""
    general = background_vectors(load_encoder("compact"))
    training_set = make_training_set(general)
    for transform_photos in (False, True):
        seconds = []
        for seed in range(3):
            start = time.perf_counter()
            train_adapter(training_set, general, seed=seed, transform_photos=transform_photos)
            seconds.append(time.perf_counter() - start)
        sys.stdout.write(f"{'both sides' if transform_photos else 'queries alone'}: {sorted(seconds)[1]:.1f} s\n")


if __name__ == "__main__":
    main()
