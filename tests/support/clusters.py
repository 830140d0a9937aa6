"""Clustered vectors, queries near them, and approximate indexes over them."""

from __future__ import annotations

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_ivf import InvertedFile
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.measurements import HoldoutQueries, SearchDepth
from tests.support.vectors import clustered_vectors, unit_vectors

N, DIM = 6000, 32
"""Number and length of the vectors."""

DEEP = SearchDepth(100, 64, 400)


def clustered_rows() -> Vectors:
    """Return the vectors, shape (N, DIM)."""
    return clustered_vectors(N, DIM, clusters=60, spread=0.7)


def ids_with_gaps() -> Ids:
    """Return ids for the vectors, shape (N,)."""
    return np.arange(N, dtype=np.int64) * 3 + 7


def approximate(exact: MutableIndex, lists: InvertedFile, *depths: SearchDepth) -> ApproximateIndex:
    """Return an approximate index over all vectors of the exact one."""
    return ApproximateIndex(exact, lists, watermark=int(exact.ids[-1]), depths=depths or [DEEP])


def recall(ids: Ids, truth: Ids) -> float:
    """Return the part of the true ids that is found, averaged over queries."""
    return float(np.mean([len(np.intersect1d(row, best)) / len(best) for row, best in zip(ids, truth, strict=True)]))


def queries_near(rows: Vectors, count: int = 40) -> Vectors:
    """Return queries near some of the rows, shape (count, DIM)."""
    queries = rows[:: len(rows) // count][:count] + 0.5 * unit_vectors(count, DIM, seed=3)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries


def holdout_queries(rows: Vectors, row_ids: Ids) -> dict[str, HoldoutQueries]:
    return {"near": HoldoutQueries(queries_near(rows)), "own": HoldoutQueries(rows[:50], row_ids[:50])}
