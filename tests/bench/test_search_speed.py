"""Milliseconds of one search, beside bare FAISS and bare NumPy in the same run."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.types import Ids, Vectors
from indexer.vectors.faiss_index import FaissIndex
from tests.bench.conftest import compared, side_by_side
from tests.support.vectors import clustered_vectors, unit_vectors

DIM, K, ROUNDS = 384, 10, 50


def asked_for(rows: Vectors) -> Vectors:
    """Return queries near some of the vectors, as descriptions are near photos, shape (ROUNDS + 1, DIM)."""
    picked = rows[np.linspace(0, len(rows) - 1, ROUNDS + 1).astype(int)]
    moved = picked + unit_vectors(ROUNDS + 1, DIM, seed=5)
    near: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return near


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_one_query_among_many_vectors(n: int, benchmark: BenchmarkFixture, say: Callable[[str], None]) -> None:
    rows = clustered_vectors(n, DIM, clusters=n // 50, spread=1.0)
    queries = asked_for(rows)
    index, bare = FaissIndex(DIM), faiss.IndexFlatIP(DIM)
    index.add(np.arange(n, dtype=np.int64), rows)
    bare.add(rows)

    def numpy_search(number: int) -> Ids:
        scores = rows @ queries[number]
        best = np.argpartition(-scores, K)[:K]
        found: Ids = best[np.lexsort((best, -scores[best]))]
        return found

    def faiss_on(threads: int) -> Callable[[int], object]:
        def search(number: int) -> object:
            faiss.omp_set_num_threads(threads)
            return bare.search(queries[number : number + 1], K)

        return search

    threads = faiss.omp_get_max_threads()
    seconds = side_by_side(
        {
            "Recall": lambda number: index.search(queries[number : number + 1], K),
            "FAISS on one thread": faiss_on(1),
            f"FAISS on {threads} threads": faiss_on(threads),
            "NumPy": numpy_search,
        },
        rounds=ROUNDS,
    )
    faiss.omp_set_num_threads(threads)
    for number in range(ROUNDS):  # the same answers, or the comparison says nothing
        assert index.search(queries[number : number + 1], K).ids[0].tolist() == numpy_search(number).tolist()
    say(f"search, {n:,} x {DIM}, k {K}, no filter: {compared(seconds, to='Recall')}")
    benchmark.extra_info.update({name: f"{value * 1e3:.3f} ms" for name, value in seconds.items()})
    benchmark(index.search, queries[:1], K)


@pytest.mark.parametrize("share", [0.001, 0.04, 0.5])
def test_one_query_with_a_filter(share: float, benchmark: BenchmarkFixture, say: Callable[[str], None]) -> None:
    n = 100_000
    rows = clustered_vectors(n, DIM, clusters=n // 50, spread=1.0)
    queries = asked_for(rows)
    index = FaissIndex(DIM)
    index.add(np.arange(n, dtype=np.int64), rows)
    allowed = np.flatnonzero(np.random.default_rng(1).random(n) < share).astype(np.int64)

    def numpy_search(number: int) -> Ids:
        scores = rows[allowed] @ queries[number]
        best = np.argpartition(-scores, K)[:K]
        found: Ids = allowed[best[np.lexsort((best, -scores[best]))]]
        return found

    seconds = side_by_side(
        {
            "Recall": lambda number: index.search(queries[number : number + 1], K, allowed=allowed),
            "Recall without the filter": lambda number: index.search(queries[number : number + 1], K),
            "NumPy over what is allowed": numpy_search,
        },
        rounds=20,
    )
    found = index.search(queries[:1], K, allowed=allowed)
    assert found.ids[0].tolist() == numpy_search(0).tolist()
    say(f"search, {n:,} x {DIM}, k {K}, {len(allowed):,} allowed: {compared(seconds, to='Recall')}")
    benchmark.extra_info.update({name: f"{value * 1e3:.3f} ms" for name, value in seconds.items()})
    benchmark(index.search, queries[:1], K, allowed=allowed)
