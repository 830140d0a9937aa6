"""Milliseconds of one search in a process that runs already, beside bare FAISS and bare NumPy in the same run."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.types import Ids, Vectors
from indexer.vectors.faiss_flat import FaissIndex
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds
from tests.support.vectors import clustered_vectors, unit_vectors

DIM, K, ROUNDS = 384, 10, 50


def filled(n: int) -> tuple[FaissIndex, Vectors]:
    """Return an index, and the vectors that it holds, shape (n, DIM): id i in row i, float16 made float32 again."""
    index = FaissIndex(DIM)
    index.add(np.arange(n, dtype=np.int64), clustered_vectors(n, DIM, clusters=n // 50, spread=1.0))
    return index, index.vectors(np.arange(n, dtype=np.int64))


def asked_for(rows: Vectors) -> Vectors:
    """Return queries near some of the vectors, as descriptions are near photos, shape (ROUNDS + 1, DIM)."""
    picked = rows[np.linspace(0, len(rows) - 1, ROUNDS + 1).astype(int)]
    moved = picked + unit_vectors(ROUNDS + 1, DIM, seed=5)
    near: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return near


def numpy_search(rows: Vectors, query: Vectors) -> Ids:
    """Return the rows of the K best, ties to the smaller row, shape (K,)."""
    scores = rows @ query
    best = np.argpartition(-scores, K)[:K]
    found: Ids = best[np.lexsort((best, -scores[best]))]
    return found


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_one_query_among_many_vectors(n: int, benchmark: BenchmarkFixture, table: Table) -> None:
    index, rows = filled(n)
    queries = asked_for(rows)
    bare = faiss.IndexFlatIP(DIM)
    bare.add(rows)

    def faiss_on(threads: int) -> Callable[[int], object]:
        def search(number: int) -> object:
            faiss.omp_set_num_threads(threads)
            return bare.search(queries[number : number + 1], K)

        return search

    for number in range(ROUNDS):  # the same answers, or the comparison says nothing
        found = index.search(queries[number : number + 1], K).ids[0]
        assert found.tolist() == numpy_search(rows, queries[number]).tolist()
    threads = faiss.omp_get_max_threads()
    seconds = in_turns(
        benchmark,
        {
            "Recall": lambda number: index.search(queries[number : number + 1], K),
            "FAISS, float32, one thread": faiss_on(1),
            f"FAISS, float32, {threads} threads": faiss_on(threads),
            "NumPy, float32": lambda number: numpy_search(rows, queries[number]),
        },
        rounds=ROUNDS,
    )
    faiss.omp_set_num_threads(threads)
    _add(table, f"One search, the encoder left out: {n:,} x {DIM}, k {K} (ratio: to Recall)", seconds)


@pytest.mark.parametrize("share", [0.001, 0.04, 0.5])
def test_one_query_with_a_filter(share: float, benchmark: BenchmarkFixture, table: Table) -> None:
    n = 100_000
    index, rows = filled(n)
    queries = asked_for(rows)
    allowed = np.flatnonzero(np.random.default_rng(1).random(n) < share).astype(np.int64)
    found = index.search(queries[:1], K, allowed=allowed).ids[0]
    assert found.tolist() == allowed[numpy_search(rows[allowed], queries[0])].tolist()
    seconds = in_turns(
        benchmark,
        {
            "Recall": lambda number: index.search(queries[number : number + 1], K, allowed=allowed),
            "Recall without the filter": lambda number: index.search(queries[number : number + 1], K),
            "NumPy over what is allowed": lambda number: numpy_search(rows[allowed], queries[number]),
        },
        rounds=20,
    )
    _add(table, f"One search with a filter: {n:,} x {DIM}, {len(allowed):,} allowed (ratio: to Recall)", seconds)


def _add(table: Table, group: str, seconds: dict[str, float]) -> None:
    for name, value in seconds.items():
        table.row(group, name, milliseconds(value), ratio=value / seconds["Recall"])
