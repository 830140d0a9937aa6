"""Exact search in plain NumPy: the reference that every other index is tested against."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import (
    Allowed,
    HalfVectors,
    IndexInMemory,
    Neighbors,
    check_add,
    check_search,
    from_half,
    inner_products,
    listed,
    to_half,
    top_k,
)


class NumpyIndex(IndexInMemory):
    """An exact `VectorIndex`: all vectors in one array, compared one by one."""

    def __init__(self, dim: int) -> None:
        self._ids: Ids = np.empty(0, dtype=np.int64)  # (n,) ascending
        self._rows: HalfVectors = np.empty((0, dim), dtype=np.float16)  # (n, d)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._rows.shape[1])

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; see `VectorIndex.add`."""
        check_add(self._ids, ids, vectors, self.dim)
        self._ids = np.concatenate([self._ids, ids])
        self._rows = np.concatenate([self._rows, to_half(vectors)])

    def remove(self, ids: Ids) -> int:
        """Remove vectors by id and return how many were in the index."""
        remaining = ~np.isin(self._ids, ids)
        self._ids, self._rows = self._ids[remaining], self._rows[remaining]
        return int(len(remaining) - remaining.sum())

    def vectors(self, ids: Ids) -> Vectors:
        """Return vectors by id, shape (n, dim), unit length; see `VectorIndex.vectors`."""
        return from_half(self.half_vectors(ids))

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return vectors by id as they are stored, shape (n, dim), float16; see `VectorIndex.half_vectors`."""
        positions = np.searchsorted(self._ids, ids)
        if np.any(positions >= len(self._ids)) or np.any(self._ids[positions] != ids):
            raise KeyError("an id is not in the index")
        return self._rows[positions]

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return the k best ids for each query row; see `VectorIndex.search`."""
        queries = check_search(queries, k, self.dim)
        allowed_ids = listed(allowed)
        subset = slice(None) if allowed_ids is None else np.isin(self._ids, allowed_ids)
        ids, rows = self._ids[subset], from_half(self._rows[subset])
        results = [top_k(ids, inner_products(query, rows), k) for query in queries]
        return Neighbors(
            np.array([row for row, _ in results], dtype=np.int64).reshape(len(queries), k),
            np.array([row for _, row in results], dtype=np.float32).reshape(len(queries), k),
        )

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the given ids that are in the index, and their cosines with a query; see `VectorIndex.score`."""
        existing = ids[np.isin(ids, self._ids)]
        return existing, inner_products(query, self.vectors(existing))

    def save(self, path: Path) -> None:
        """Write ids and vectors to a .npz file."""
        with path.open("wb") as file:
            np.savez(file, ids=self._ids, rows=self._rows)

    @classmethod
    def load(cls, file: BinaryIO) -> NumpyIndex:
        """Return an index that `save` wrote, from an open file."""
        with np.load(file) as content:
            index = cls(int(content["rows"].shape[1]))
            index._ids, index._rows = content["ids"], content["rows"]
        return index
