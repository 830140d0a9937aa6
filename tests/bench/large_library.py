"""Which index is chosen for a large library, whose vectors lie between embeddings of real photos.

    python -m tests.bench.large_library ../shared/data 1000003

makes a library of that many photos that do not exist (a number prime to 48271) and prints what `recall optimize` does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.types import Vectors
from retrieval import Library
from tests.bench.users import library
from tests.support.many import fill

PART = 20_000


def between(real: Vectors, n: int) -> Vectors:
    """Return unit vectors, shape (n, d): each a real one, half of another, and a little noise."""
    random = np.random.default_rng(0)
    found = np.empty((n, real.shape[1]), dtype=np.float32)
    for start in range(0, n, PART):
        one, other = (real[random.integers(0, len(real), min(PART, n - start))] for _ in range(2))
        rows = one + 0.5 * other + 0.02 * random.standard_normal(one.shape, dtype=np.float32)
        found[start : start + PART] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def main() -> None:
    """Print the figures."""
    data, n = Path(sys.argv[1]), int(sys.argv[2])
    encoder = load_encoder("compact")
    real = library(data, encoder).vectors
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.recall"
        fill(path, encoder, between(real[np.linalg.norm(real, axis=1) > 0.5], n))
        with Library.open(path) as opened:
            for each in opened.optimize().figures:
                sys.stdout.write(
                    f"{each.kind}: recall@10 {each.recall:.3f}, {each.milliseconds:.2f} ms a query, opened in "
                    f"{each.opening:.1f} ms, {each.memory / 1e6:,.0f} MB, built in {each.seconds:.0f} s\n"
                )


if __name__ == "__main__":
    main()
