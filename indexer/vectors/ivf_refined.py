"""An index that looks at a part of the vectors: an inverted file names candidates, exact cosines decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Neighbors, VectorIndex, check_search, top_k
from indexer.vectors.delegating import DelegatingIndex
from indexer.vectors.measurements import SearchDepth


class CandidateIndex(Protocol):
    """What names candidates: an inverted file, see `indexer.vectors.faiss_ivf`."""

    def __len__(self) -> int:
        """Return how many vectors it was built from."""

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        """Return the ids of likely neighbours of each query, shape (q, count), -1 where there are too few."""


class ApproximateIndex(DelegatingIndex):
    """A `VectorIndex` whose search finds most of the best, not surely all; scores are exact all the same.

    The inverted file stays as it was built. What was added since is searched exactly, what was removed is left out, so
    that both cost a little more with every change until it is built anew; see `changed_share`.
    """

    def __init__(
        self, exact: VectorIndex, lists: CandidateIndex, *, watermark: int, depths: Sequence[SearchDepth]
    ) -> None:
        """Put an inverted file before an exact index.

        Args:
            exact: Holds the vectors, and is changed through this.
            lists: Built from those of them that had an id up to `last`.
            watermark: The highest id that it was built from.
            depths: How far to look, by how many results are asked for, ascending; one at least. Numbers between two are
                searched as the next, so that pages of one answer agree.
        """
        super().__init__(exact)
        self._lists = lists
        self._watermark, self._depths = watermark, depths

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        """Return k ids for each query row, most of them the best; see `VectorIndex.search`.

        What a filter allows is searched exactly, for it may lie far from the query, in lists that nobody looks at. So
        are more results than the last depth has, and a query most of whose candidates were removed since.
        """
        queries = check_search(queries, k, self.dim)
        depth = next((each for each in self._depths if k <= each.results), None)
        if allowed is not None or depth is None:
            return self._exact.search(queries, k, allowed=allowed)
        named = self._lists.candidates(queries, depth.refine, probes=depth.probes)
        newer = self.ids[np.searchsorted(self.ids, self._watermark, side="right") :]
        fresh = self._exact.search(queries, k, allowed=newer) if len(newer) else None
        exist = min(k, len(self))
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for row, query in enumerate(queries):
            held, values = self._exact.score(query, named[row])
            gone = 2 * len(held) < np.count_nonzero(named[row] != -1)
            if fresh is not None:
                held, values = np.concatenate([held, fresh.ids[row]]), np.concatenate([values, fresh.scores[row]])
            if gone or np.count_nonzero(held != -1) < exist:
                found = self._exact.search(query[None], k)
                ids[row], scores[row] = found.ids[0], found.scores[0]
            else:
                ids[row], scores[row] = top_k(held, values, k)
        return Neighbors(ids, scores)

    def knows(self, id_: int) -> bool:
        """Return whether the inverted file was built from the vector that an id has now: it is found by it."""
        vector = self.vectors(np.array([id_], dtype=np.int64))
        return id_ in self._lists.candidates(vector, self._depths[-1].refine, probes=self._depths[-1].probes)[0]


def changed_share(ids: Ids, watermark: int, built: int) -> float:
    """Return what was added or removed since an index was built, over what it was built from.

    Args:
        ids: What is held now, shape (n,), ascending.
        watermark: The highest id that it was built from.
        built: How many it was built from.
    """
    still = int(np.searchsorted(ids, watermark, side="right"))
    return (len(ids) - still + built - still) / max(1, built)
