"""The VectorIndex protocol, the float16 form in which vectors are stored, and the order of results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors, isin_sorted

if TYPE_CHECKING:  # only indexes in a server use it
    from sqlalchemy import ColumnElement

HalfVectors = NDArray[np.float16]
"""Vectors as indexes and the catalog store them, shape (n, d), float16."""

LENGTH_TOLERANCE = 2.0**-10
"""How far the length of a stored vector may be from 1.

Rounding a unit vector to float16 changes its length by at most 2**-11 (half a unit in the last of 11 bits), and by
sqrt(d) * 2**-25 for components too small to have 11 bits.
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What restricts a search, as a condition in SQL: an index in a server checks it there.

    Attributes:
        key: Equal for equal conditions.
        clause: The condition that a row of the table of embeddings must fulfil.
        list_ids: Returns the ids that fulfil it, ascending, shape (n,), for indexes that need them.
    """

    key: Hashable
    clause: ColumnElement[bool] = field(compare=False)
    list_ids: Callable[[], Ids] = field(compare=False)


Allowed = Ids | Condition
"""What a search may return: ids, ascending, shape (m,), or the condition that they fulfil."""


class Neighbors(NamedTuple):
    """Result of a search.

    Attributes:
        ids: Shape (q, k), int64, best first; -1 if fewer than k exist.
        scores: Inner products, shape (q, k), float32; -inf if fewer than k exist.
    """

    ids: Ids
    scores: Vectors


@runtime_checkable
class VectorIndex(Protocol):
    """Vectors by id, searched by inner product; ties go to the smaller id.

    Vectors are stored in float16, as in the catalog. Searches use them scaled to unit length in float32, and `vectors`
    returns them so. A score is therefore the exact cosine with what the catalog stores, however candidates are found.
    """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def is_in_server(self) -> bool:
        """Whether the vectors are in a database server, so that listing ids takes long and conditions are for free."""

    @property
    def state(self) -> object:
        """The same object as long as no vector is added or removed."""

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return for each id, shape (n,), in any order, whether it is in the index."""

    def spread_ids(self, count: int) -> Ids:
        """Return `count` of the ids, ascending and evenly spaced from the first to the last; all if there are fewer."""

    def __len__(self) -> int:
        """Return the number of vectors."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return vectors by id, shape (n, dim), float32, unit length.

        Raises:
            KeyError: An id is not in the index.
        """

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return vectors by id as they are stored, shape (n, dim), float16.

        Raises:
            KeyError: An id is not in the index.
        """

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return the k best ids for each query row.

        Args:
            queries: Unit vectors, shape (q, dim), float32.
            k: Results per query, at least 1.
            allowed: Only these ids may be returned; None allows all. Ids that are not in the index are ignored.
        """

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the given ids that are in the index, (n,), and the cosines of their vectors with a query, (n,).

        Args:
            query: Unit vector, shape (dim,), float32.
            ids: Shape (m,), in any order; -1 is never in the index.
        """


@runtime_checkable
class MutableIndex(VectorIndex, Protocol):
    """A `VectorIndex` that holds its vectors itself."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors.

        Args:
            ids: Shape (n,), ascending, each above all ids in the index.
            vectors: Unit vectors, shape (n, dim), float32; stored as `to_half` returns them.
        """

    def remove(self, ids: Ids) -> int:
        """Remove vectors by id, shape (n,), and return how many were in the index."""

    def save(self, path: Path) -> None:
        """Write the index to a file, in its own format."""


class IndexInMemory(ABC):
    """What indexes have in common whose ids are in memory."""

    is_in_server = False

    @property
    @abstractmethod
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""

    @property
    def state(self) -> object:
        """The same object as long as no vector is added or removed."""
        return self.ids

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return for each id whether it is in the index; see `VectorIndex.contains`."""
        return isin_sorted(ids, self.ids)

    def spread_ids(self, count: int) -> Ids:
        """Return `count` of the ids, evenly spaced; see `VectorIndex.spread_ids`."""
        return evenly_spaced(self.ids, count)


def evenly_spaced(ids: Ids, count: int) -> Ids:
    """Return `count` of the ids, evenly spaced; all if there are fewer."""
    return ids[np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(np.int64))]


def listed(allowed: Allowed | None) -> Ids | None:
    """Return the ids that a search may return, ascending, shape (m,); None for all."""
    return allowed.list_ids() if isinstance(allowed, Condition) else allowed


def check_search(queries: Vectors, k: int, dim: int) -> Vectors:
    """Return the queries as contiguous float32, shape (q, dim).

    Raises:
        ValueError: k is below 1, or the queries have another shape.
    """
    rows = np.ascontiguousarray(queries, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ValueError(f"queries have shape {rows.shape}; expected (q, {dim})")
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    return rows


def check_add(existing: Ids, ids: Ids, vectors: Vectors, dim: int) -> None:
    """Check the arguments of `VectorIndex.add`.

    Raises:
        ValueError: A shape is wrong, or the ids are not ascending and above the existing ones.
    """
    if vectors.shape != (len(ids), dim):
        raise ValueError(f"vectors have shape {vectors.shape}; expected ({len(ids)}, {dim})")
    highest = existing[-1:] if len(existing) else np.array([-1], dtype=np.int64)
    if np.any(np.diff(np.concatenate([highest, ids])) <= 0):
        raise ValueError("ids must be ascending, and above every id in the index")


def to_half(vectors: Vectors) -> HalfVectors:
    """Return vectors as an index stores them, shape (n, d), float16.

    Vectors from the catalog keep every bit, except damaged ones: these are scaled to unit length again, and become
    zeros if they have no direction. So every stored length is within `LENGTH_TOLERANCE` of 1, or is 0.

    Args:
        vectors: Unit vectors, shape (n, d), float32, whether or not rounded to float16 before.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # damaged rows may hold any bits
        half = rows.astype(np.float16)
        is_damaged = ~(np.abs(_lengths(half.astype(np.float32)) - 1) <= LENGTH_TOLERANCE)  # (n,); also true for NaN
        if is_damaged.any():
            lengths = _lengths(rows[is_damaged])
            is_usable = np.isfinite(lengths) & (lengths > 0)
            scaled = rows[is_damaged] / np.where(is_usable, lengths, 1)[:, None]
            half[is_damaged] = np.where(is_usable[:, None], scaled, 0)
    return half


def from_half(half: HalfVectors) -> Vectors:
    """Return stored vectors scaled to unit length, shape (n, d), float32; zeros stay zeros."""
    rows = half.astype(np.float32)
    lengths = _lengths(rows)
    lengths[lengths == 0] = 1
    rows /= lengths[:, None]
    return rows


def _lengths(rows: Vectors) -> Vectors:
    """Return the length of each row, shape (n,), float32, independent of the row's position; see `inner_products`."""
    lengths: Vectors = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float32))
    return lengths


def inner_products(query: Vectors, vectors: Vectors) -> Vectors:
    """Return inner products of one query (d,) with rows (n, d), shape (n,), independent of a row's position.

    A matrix product may round a row differently depending on its position, so that equal pictures would change order.
    """
    products: Vectors = np.einsum("nd,d->n", vectors, query, dtype=np.float32)
    return products


def is_certainly_worse(bound: float, kth: float, *, error: float) -> bool:
    """Return whether every vector whose product is at most `bound` certainly scores below one whose product is `kth`.

    A product is q·c for the stored c, whose length is 1 within `LENGTH_TOLERANCE` (t); the score is q·c/|c|. The two
    differ by at most t/(1 - t) of the score.

    Args:
        bound: Upper bound of the products that are to be excluded.
        kth: The product that must be better.
        error: How far products may be off.
    """
    return bound + abs(bound) * LENGTH_TOLERANCE * 1.01 + error < kth - abs(kth) * LENGTH_TOLERANCE * 1.01 - error


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
