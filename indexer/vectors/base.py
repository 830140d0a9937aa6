"""The VectorIndex protocol, and the order in which results come back."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors

HalfVectors = NDArray[np.float16]
"""Vectors as an index holds them and as the catalog keeps them, shape (n, d), float16."""

LENGTH_TOLERANCE = 2.0**-10
"""How far the length of a held vector may be from 1.

Rounding a unit vector to float16 moves its length by at most 2**-11 (half a unit in the last of 11 bits), and by
sqrt(d) * 2**-25 for numbers too small to have 11 bits.
"""


class Neighbors(NamedTuple):
    """What a search of an index gives.

    Attributes:
        ids: Shape (q, k), int64, best first; -1 where fewer than k exist.
        scores: Inner products, shape (q, k), float32; -inf where fewer than k exist.
    """

    ids: Ids
    scores: Vectors


@runtime_checkable
class VectorIndex(Protocol):
    """Vectors by id, searched by inner product; ties go to the smaller id.

    They are held in float16, as the catalog keeps them. What is searched and given back are these, scaled to unit
    length in float32; so a score is the exact cosine with what the catalog holds, whatever finds the candidates.
    """

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
            vectors: Unit vectors, shape (n, dim), float32; held as `to_half` gives them.
        """

    def remove(self, ids: Ids) -> int:
        """Remove rows by id, shape (n,), and return how many were there."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of ids that are all held, shape (n, dim), float32, unit length.

        Raises:
            KeyError: An id is not held.
        """

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return the vectors of ids that are all held as they are held, shape (n, dim), float16.

        Raises:
            KeyError: An id is not held.
        """

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        """Return the k best ids for each query row.

        Args:
            queries: Unit vectors, shape (q, dim), float32.
            k: Results per query, at least 1.
            allowed: Only these ids may be returned, shape (m,), ascending; None allows all. Ids that are not held
                are passed over.
        """

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some ids that are held, (n,), and the cosines of their vectors with a query, (n,), float32.

        Args:
            query: Unit vector, shape (dim,), float32.
            ids: Shape (m,), in any order; -1 is no id.
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


def to_half(vectors: Vectors) -> HalfVectors:
    """Return vectors as an index holds them, shape (n, d), float16.

    Those of the catalog stay as they are to the last bit, unless one is damaged: a length that is not 1 is put right,
    so that nobody has to reckon with more than `LENGTH_TOLERANCE`, and a row without a direction becomes zeros.

    Args:
        vectors: Unit vectors, shape (n, d), float32, rounded to float16 or not.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # damaged rows may hold anything
        stored = rows.astype(np.float16)
        off = ~(np.abs(_lengths(stored.astype(np.float32)) - 1) <= LENGTH_TOLERANCE)  # (n,); so written, NaN is off too
        if off.any():
            lengths = _lengths(rows[off])
            usable = np.isfinite(lengths) & (lengths > 0)
            stored[off] = np.where(usable[:, None], rows[off] / np.where(usable, lengths, 1)[:, None], 0)
    return stored


def from_half(stored: HalfVectors) -> Vectors:
    """Return held vectors scaled to unit length, shape (n, d), float32; zeros stay zeros."""
    rows = stored.astype(np.float32)
    lengths = _lengths(rows)
    lengths[lengths == 0] = 1
    rows /= lengths[:, None]
    return rows


def _lengths(rows: Vectors) -> Vectors:
    """Return the length of each row, shape (n,), float32, the same wherever the row stands; see `inner_products`."""
    lengths: Vectors = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float32))
    return lengths


def inner_products(query: Vectors, vectors: Vectors) -> Vectors:
    """Return inner products of one query (d,) with rows (n, d), shape (n,), the same for a row wherever it stands.

    A matrix product may round a row differently by its place in the matrix, and equal pictures would change order.
    """
    products: Vectors = np.einsum("nd,d->n", vectors, query, dtype=np.float32)
    return products


def is_certainly_worse(last: float, kth: float, *, error: float) -> bool:
    """Return whether whatever has at most the product `last` is surely worse than what has the product `kth`.

    A product is q·c for the held c, whose length is 1 within SLACK; what counts is q·c/|c|. The two differ by
    SLACK/(1 - SLACK) of the score.

    Args:
        last: The greater product that is to be excluded.
        kth: The product that has to be better.
        error: How far products may be off.
    """
    return last + abs(last) * LENGTH_TOLERANCE * 1.01 + error < kth - abs(kth) * LENGTH_TOLERANCE * 1.01 - error


def top_k(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
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
