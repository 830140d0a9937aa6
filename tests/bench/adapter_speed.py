"""How long an adapter takes to learn from a thousand judgements, for queries alone and for both sides.

    OMP_NUM_THREADS=1 python -m tests.bench.adapter_speed

The library's size does not matter: of 100,000 embeddings as of 10 million, 5,000 that nobody judged are drawn.
`recall tune` trains 16 of them.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from indexer.encoders import load_encoder
from retrieval.calibration.background import background_vectors
from retrieval.tuning.adapter.train import train_adapter
from retrieval.tuning.training_set import TrainingSet
from tests.support.vectors import mixed_vectors

QUERIES, SHOWN, OTHERS = 100, 10, 5000


def lessons() -> TrainingSet:
    """Return a hundred queries with ten judged units of each, a third of them good."""
    general = background_vectors(load_encoder("compact"))
    texts = mixed_vectors(QUERIES, general, seed=1)
    units = mixed_vectors(QUERIES * SHOWN, general, seed=2)
    others = mixed_vectors(OTHERS, general, seed=3)
    return TrainingSet(
        names=tuple(f"query {number}" for number in range(QUERIES)),
        texts=texts,
        images=np.zeros_like(texts),
        owners=np.repeat(np.arange(QUERIES), SHOWN),
        units=units,
        are_photos=np.ones(len(units), dtype=np.bool_),
        good=np.arange(len(units)) % 3 == 0,
        others=others,
        others_are_photos=np.ones(OTHERS, dtype=np.bool_),
    )


def main() -> None:
    """Print seconds, the median of three."""
    taught, general = lessons(), background_vectors(load_encoder("compact"))
    for both in (False, True):
        taken = []
        for seed in range(3):
            start = time.perf_counter()
            train_adapter(taught, general, seed=seed, both=both)
            taken.append(time.perf_counter() - start)
        sys.stdout.write(f"{'both sides' if both else 'queries alone'}: {sorted(taken)[1]:.1f} s\n")


if __name__ == "__main__":
    main()
