"""What stands before an exact index and answers in its place, with the vectors and the scores that it holds."""

from __future__ import annotations

from pathlib import Path

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors, VectorIndex


class DelegatingIndex:
    """All of a `VectorIndex` but the search, passed on to an exact index."""

    def __init__(self, exact: VectorIndex) -> None:
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
        """Add rows; see `VectorIndex.add`."""
        self._exact.add(ids, vectors)

    def remove(self, ids: Ids) -> int:
        """Remove rows by id and return how many were there."""
        return self._exact.remove(ids)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of ids that are all held, shape (n, dim), unit length."""
        return self._exact.vectors(ids)

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return the vectors of ids that are all held as they are held, shape (n, dim), float16."""
        return self._exact.half_vectors(ids)

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some ids that are held, and the cosines of their vectors with a query; see `VectorIndex`."""
        return self._exact.score(query, ids)

    def save(self, path: Path) -> None:
        """Write the vectors to a file, which is all that an index file holds."""
        self._exact.save(path)
