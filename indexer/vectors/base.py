"""The VectorIndex protocol, and the order in which results come back."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from indexer.types import Ids, Vectors


class Nearest(NamedTuple):
    """What a search of an index gives.

    Attributes:
        ids: Shape (q, k), int64, best first; -1 where fewer than k exist.
        scores: Inner products, shape (q, k), float32; -inf where fewer than k exist.
    """

    ids: Ids
    scores: Vectors


@runtime_checkable
class VectorIndex(Protocol):
    """Vectors by id, searched by inner product; ties go to the smaller id."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""

    def __len__(self) -> int:
        """Return how many vectors it holds."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add rows.

        Args:
            ids: Shape (n,), each above all that are held already, ascending.
            vectors: Unit vectors, shape (n, dim), float32.
        """

    def remove(self, ids: Ids) -> int:
        """Remove rows by id, shape (n,), and return how many were there."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of ids that are all held, shape (n, dim), float32.

        Raises:
            KeyError: An id is not held.
        """

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Nearest:
        """Return the k best ids for each query row.

        Args:
            queries: Unit vectors, shape (q, dim), float32.
            k: Results per query, at least 1.
            allowed: Only these ids may be returned, shape (m,), ascending; None allows all. Ids that are not held
                are passed over.
        """

    def save(self, path: Path) -> None:
        """Write the index to a file, in its own format."""


def check_search(queries: Vectors, k: int, dim: int) -> Vectors:
    """Return the queries as contiguous float32 of shape (q, dim).

    Raises:
        ValueError: k is below 1 or the shape is another.
    """
    rows = np.ascontiguousarray(queries, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ValueError(f"queries have shape {rows.shape}; expected (q, {dim})")
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    return rows


def check_add(held: Ids, ids: Ids, vectors: Vectors, dim: int) -> None:
    """Check what `VectorIndex.add` asks of its arguments.

    Raises:
        ValueError: A shape is wrong, or ids are not ascending above those held.
    """
    if vectors.shape != (len(ids), dim):
        raise ValueError(f"vectors have shape {vectors.shape}; expected ({len(ids)}, {dim})")
    before = held[-1:] if len(held) else np.array([-1], dtype=np.int64)
    if np.any(np.diff(np.concatenate([before, ids])) <= 0):
        raise ValueError("ids must be ascending, and above every id that the index holds")


def score(query: Vectors, vectors: Vectors) -> Vectors:
    """Return inner products of one query (d,) with rows (n, d), shape (n,), the same for a row wherever it stands.

    A matrix product may round a row differently by its place in the matrix, and equal pictures would change order.
    """
    products: Vectors = np.einsum("nd,d->n", vectors, query, dtype=np.float32)
    return products


def best(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """Return the k best of one query's candidates, best first, ties by smaller id, padded with -1 / -inf.

    Args:
        ids: Shape (n,).
        scores: Shape (n,), float32.
        k: Length of both results.
    """
    order = np.lexsort((ids, -scores))[:k]
    padding = k - len(order)
    return (
        np.concatenate([ids[order], np.full(padding, -1, dtype=np.int64)]),
        np.concatenate([scores[order], np.full(padding, -np.inf, dtype=np.float32)]),
    )
