"""An approximate index: an inverted file finds candidates, and exact cosines rank them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Allowed, MutableIndex, Neighbors, check_search, top_k
from indexer.vectors.delegating import DelegatingIndex
from indexer.vectors.measurements import SearchDepth


class CandidateIndex(Protocol):
    """Finds candidates: an inverted file, see `indexer.vectors.faiss_ivf`."""

    def __len__(self) -> int:
        """Return the number of vectors that it was built from."""

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        """Return the ids of likely neighbours of each query, shape (q, count), -1 if there are too few."""


class ApproximateIndex(DelegatingIndex):
    """A `VectorIndex` whose search finds most of the best vectors; the scores of those that it finds are exact.

    The inverted file is never updated. Vectors added since it was built are searched exactly, and removed ones are
    skipped, so that searches become a little slower with every change until it is rebuilt; see `changed_share`.
    """

    def __init__(
        self, exact: MutableIndex, lists: CandidateIndex, *, watermark: int, depths: Sequence[SearchDepth]
    ) -> None:
        """Combine an inverted file with an exact index.

        Args:
            exact: Holds the vectors; this index passes changes on to it.
            lists: Inverted file over the vectors of `exact` that have an id up to `watermark`.
            watermark: The highest id in `lists`.
            depths: Search depths by ascending number of results, at least one. A search uses the first depth that has
                enough results, so that the pages of one result list agree.
        """
        super().__init__(exact)
        self._lists = lists
        self._watermark, self._depths = watermark, depths

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return k ids for each query row, most of them the best; see `VectorIndex.search`.

        Three cases are searched exactly: searches with a filter, whose matches may be in lists far from the query;
        more results than the last depth has; and a query most of whose candidates were removed since.
        """
        queries = check_search(queries, k, self.dim)
        depth = next((depth for depth in self._depths if k <= depth.results), None)
        if allowed is not None or depth is None:
            return self._exact.search(queries, k, allowed=allowed)
        candidates = self._lists.candidates(queries, depth.refine, probes=depth.probes)
        added = self.ids[np.searchsorted(self.ids, self._watermark, side="right") :]
        best_added = self._exact.search(queries, k, allowed=added) if len(added) else None
        required = min(k, len(self))
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for row, query in enumerate(queries):
            row_ids, row_scores = self._exact.score(query, candidates[row])
            most_removed = 2 * len(row_ids) < np.count_nonzero(candidates[row] != -1)
            if best_added is not None:
                row_ids = np.concatenate([row_ids, best_added.ids[row]])
                row_scores = np.concatenate([row_scores, best_added.scores[row]])
            if most_removed or np.count_nonzero(row_ids != -1) < required:
                result = self._exact.search(query[None], k)
                ids[row], scores[row] = result.ids[0], result.scores[0]
            else:
                ids[row], scores[row] = top_k(row_ids, row_scores, k)
        return Neighbors(ids, scores)

    def has_current_vector(self, id_: int) -> bool:
        """Return whether the inverted file was built from the vector that this id has now."""
        vector = self.vectors(np.array([id_], dtype=np.int64))
        return id_ in self._lists.candidates(vector, self._depths[-1].refine, probes=self._depths[-1].probes)[0]


def changed_share(ids: Ids, watermark: int, built: int) -> float:
    """Return the number of vectors added or removed since an index was built, divided by the number at that time.

    Args:
        ids: The ids now, shape (n,), ascending.
        watermark: The highest id that the index was built from.
        built: The number of vectors that it was built from.
    """
    remaining = int(np.searchsorted(ids, watermark, side="right"))
    return (len(ids) - remaining + built - remaining) / max(1, built)
