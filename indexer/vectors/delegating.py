"""Base class of indexes that find candidates in their own way and leave everything else to an exact index."""

from __future__ import annotations

from pathlib import Path

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors, IndexInMemory, MutableIndex


class DelegatingIndex(IndexInMemory):
    """Delegates everything but `search` to an exact index."""

    def __init__(self, exact: MutableIndex) -> None:
        self._exact = exact

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._exact.dim

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""
        return self._exact.ids

    def __len__(self) -> int:
        return len(self._exact)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; see `MutableIndex.add`."""
        self._exact.add(ids, vectors)

    def remove(self, ids: Ids) -> int:
        """Remove vectors by id and return how many were in the index."""
        return self._exact.remove(ids)

    def vectors(self, ids: Ids) -> Vectors:
        """Return vectors by id, shape (n, dim), unit length; see `VectorIndex.vectors`."""
        return self._exact.vectors(ids)

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return vectors by id as they are stored, shape (n, dim), float16; see `VectorIndex.half_vectors`."""
        return self._exact.half_vectors(ids)

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the given ids that are in the index, and their cosines with a query; see `VectorIndex.score`."""
        return self._exact.score(query, ids)

    def save(self, path: Path) -> None:
        """Write the exact index to a file; candidates are never saved with it."""
        self._exact.save(path)
