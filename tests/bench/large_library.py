"""Which index is chosen for a large library, whose vectors lie between those of real photos, and a graph beside it.

    python -m tests.bench.large_library ../shared/data 1000003 [graph]

makes a library of that many photos (a number prime to 48271), whose files have a size and no content, and prints what
`recall optimize` does and what commands then take; with "graph" also what FAISS's HNSW over codes of 8 bits finds of
the same vectors.
"""

from __future__ import annotations

import os
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
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex
from indexer.vectors.faiss_runtime import single_threaded
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.bench.simulated_users import DOMAINS, embed_set
from tests.bench.timing import leave_memory, peak_memory, whole_process
from tests.support.large_library import fill_library_in_parts
from tests.support.program import program_env

SETS = (*DOMAINS, "caltech101", "corel900")
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


def make_files(library: Path) -> None:
    """Make the files of a library's photos, as large as it says and without content, and record when they changed."""
    with Store(library, create=False) as store, store.writing("making files"):
        with store.reading() as connection:
            found = connection.exec_driver_sql("SELECT id, path, size, mtime_ns FROM items ORDER BY path").fetchall()
        changed = []
        for item, path, size, mtime_ns in found:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.truncate(size)
                os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
                changed.append((os.fstat(file.fileno()).st_ctime_ns, item))
        with store.transaction() as connection:
            connection.exec_driver_sql("UPDATE items SET ctime_ns = ? WHERE id = ?", changed)


def commands(library: Path, root: Path, scratch: Path) -> Iterator[str]:
    """Yield what commands on the library take, in time and in memory, and its size on the disk."""
    program, env = Path(sys.executable).parent / "recall", program_env(scratch)
    search: list[str | Path] = [program, "search", "a dog on the beach", "--library", library, "--all"]
    ways: dict[str, list[str | Path]] = {
        "search": search,
        "search, nothing of the library in memory": search,
        "status": [program, "status", "--library", library],
        "index, all unchanged": [program, "index", root, "--library", library],
    }
    for name, command in ways.items():
        taken = []
        for _ in range(3):
            if "nothing" in name:
                for file in library.rglob("*"):
                    leave_memory(file)
            start = time.perf_counter()
            whole_process(command, env, scratch, timeout=3600)()
            taken.append(time.perf_counter() - start)
        yield f"recall {name}: {statistics.median(taken):.2f} s, {peak_memory(command, env, scratch) / 1e6:,.0f} MB\n"
    for file in sorted(library.rglob("*")):
        yield f"{file.name}: {file.stat().st_size / 1e9:.2f} GB\n"


def main() -> None:
    """Print the figures."""
    data, n = Path(sys.argv[1]), int(sys.argv[2])
    encoder = load_encoder("compact")
    real = np.concatenate([embed_set(data, name, encoder)[0] for name in SETS])
    with tempfile.TemporaryDirectory() as folder:
        path, root = Path(folder) / "large.recall", Path(folder) / "photos"
        start = time.perf_counter()
        vectors = between(real[np.linalg.norm(real, axis=1) > 0.5], n)
        fill_library_in_parts(path, encoder, n, vectors, root=str(root))
        _print(f"library: made in {time.perf_counter() - start:.0f} s\n")
        make_files(path)
        with Library.open(path) as opened:
            index = opened._store.index()  # before another is chosen: the exact one
            for each in opened.optimize().measurements:
                _print(
                    f"{each.kind}: recall@10 {each.recall:.3f}, {each.milliseconds:.2f} ms a query, opened in "
                    f"{each.opening:.1f} ms, {each.memory / 1e6:,.0f} MB, built in {each.seconds:.0f} s\n"
                )
        for line in commands(path, root, Path(folder)):
            _print(line)
        if sys.argv[3:] == ["graph"]:
            print_graph(index, encoder)


def print_graph(index: VectorIndex, encoder: Encoder) -> None:
    """Print what a graph over the vectors of the exact index finds."""
    start = time.perf_counter()
    made = graph(index)
    _print(f"HNSW: built in {time.perf_counter() - start:.0f} s\n")
    asked = {"words": background_vectors(encoder), "units": index.vectors(index.ids[:: max(1, len(index) // 300)])}
    for name, queries in asked.items():
        truth = index.search(queries, K).ids - 1
        with single_threaded():
            for line in walked(made, queries, truth):
                _print(f"HNSW, {name}, {line}\n")


def _print(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
