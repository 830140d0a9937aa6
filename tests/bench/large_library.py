"""Which index is chosen for a large library, whose vectors lie between those of real photos, and a graph beside it.

    python -m tests.bench.large_library ../shared/data 1000003 [graph]

makes a library of that many photos that do not exist (a number prime to 48271) and prints what `recall optimize` does;
with "graph" also what FAISS's HNSW over codes of 8 bits finds of the same vectors.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from indexer.encoders import load_encoder
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex
from indexer.vectors.faiss_runtime import single_threaded
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.bench.simulated_users import load_library
from tests.support.large_library import fill_library_in_parts

PART = 20_000
K = 10


def between(real: Vectors, n: int) -> Iterator[Vectors]:
    """Yield n unit vectors, shape (.., d), in parts: each a real one, half of another, and a little noise."""
    random = np.random.default_rng(0)
    for start in range(0, n, PART):
        one, other = (real[random.integers(0, len(real), min(PART, n - start))] for _ in range(2))
        rows = one + 0.5 * other + 0.02 * random.standard_normal(one.shape, dtype=np.float32)
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)


def graph(index: VectorIndex) -> Any:
    """Return FAISS's HNSW over the vectors of an index, under their row numbers."""
    module: Any = faiss
    made = module.IndexHNSWSQ(index.dim, module.ScalarQuantizer.QT_8bit, 16, module.METRIC_INNER_PRODUCT)
    made.train(index.vectors(index.ids[:: max(1, len(index) // 65_536)]))
    for start in range(0, len(index), PART):
        made.add(index.vectors(index.ids[start : start + PART]))
    return made


def walked(made: Any, queries: Vectors, truth: Ids) -> Iterator[str]:
    """Yield what a graph finds of the ten best rows of each query, (q, 10), for wider and wider searches."""
    module: Any = faiss
    for width in (50, 100, 200, 400, 800):
        parameters = module.SearchParametersHNSW(efSearch=width)
        taken, right = [], 0
        for query, rows in zip(queries, truth, strict=True):
            start = time.perf_counter()
            _, found = made.search(query[None], 50, params=parameters)
            taken.append(time.perf_counter() - start)
            right += len(np.intersect1d(found[0], rows))
        yield f"efSearch {width}: recall@10 {right / truth.size:.3f}, {statistics.median(taken) * 1e3:.2f} ms a query"


def main() -> None:
    """Print the figures."""
    data, n = Path(sys.argv[1]), int(sys.argv[2])
    encoder = load_encoder("compact")
    real = load_library(data, encoder).vectors
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.recall"
        fill_library_in_parts(path, encoder, n, between(real[np.linalg.norm(real, axis=1) > 0.5], n))
        with Library.open(path) as opened:
            index = opened._store.index()  # before another is chosen: the exact one
            for each in opened.optimize().measurements:
                sys.stdout.write(
                    f"{each.kind}: recall@10 {each.recall:.3f}, {each.milliseconds:.2f} ms a query, opened in "
                    f"{each.opening:.1f} ms, {each.memory / 1e6:,.0f} MB, built in {each.seconds:.0f} s\n"
                )
            if sys.argv[3:] != ["graph"]:
                return
            start = time.perf_counter()
            made = graph(index)
            sys.stdout.write(f"HNSW: built in {time.perf_counter() - start:.0f} s\n")
            asked = {"words": background_vectors(encoder), "units": index.vectors(index.ids[:: max(1, n // 300)])}
            for name, queries in asked.items():
                truth = index.search(queries, K).ids - 1
                with single_threaded():
                    sys.stdout.writelines(f"HNSW, {name}, {line}\n" for line in walked(made, queries, truth))


if __name__ == "__main__":
    main()
