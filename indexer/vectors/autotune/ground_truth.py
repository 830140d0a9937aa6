"""Ground truth: the best vectors of each query by exact search, with ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex
from indexer.vectors.measurements import HoldoutQueries

RESULT_COUNTS = (10, 24, 50, 100, 200, 400)
"""Numbers of results that a search depth is measured for.

The first is that of recall@10, the second what a search requests. An index must reach the target for both, and its time
is measured with the second.
"""

REFINE_COUNTS = (50, 100, 200, 400, 800, 1600)
"""Numbers of candidates scored exactly that are tried."""

_MAX_TIES = 64
"""How many vectors beyond a number of results may count as correct too: copies of a photo have equal scores."""


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The best vectors of one query by exact search.

    Attributes:
        ids: Their ids, ascending.
        ranks: The rank of each, 0 for the best.
        correct: For each of `RESULT_COUNTS` how many of them are correct results: all that score no less than the last
            one, at most `_MAX_TIES` more than the number of results.
    """

    ids: Ids
    ranks: Ids
    correct: tuple[int, ...]

    def hits(self, candidates: Ids) -> Vectors:
        """Return how many correct results are found, per number of results and of candidates, shape (s, r).

        Entries with more results (`RESULT_COUNTS`, s) than candidates (`REFINE_COUNTS`, r) are 0.

        Args:
            candidates: Ids of candidates, likely best first, shape (REFINE_COUNTS[-1],).
        """
        positions = np.searchsorted(self.ids, candidates).clip(max=len(self.ids) - 1)
        ranks = np.where(self.ids[positions] == candidates, self.ranks[positions], len(self.ids))
        refine, results = np.array(REFINE_COUNTS), np.array(RESULT_COUNTS)[:, None]
        hits = np.array([np.cumsum(ranks < correct)[refine - 1] for correct in self.correct])
        return np.where(refine >= results, np.minimum(hits, results), 0).astype(np.float32)


def ground_truths(exact: VectorIndex, queries: HoldoutQueries) -> list[GroundTruth]:
    """Return the ground truth of each query."""
    neighbors = exact.search(queries.vectors, RESULT_COUNTS[-1] + _MAX_TIES)
    truths = []
    for row, (ids, scores) in enumerate(zip(neighbors.ids, neighbors.scores, strict=True)):
        own_id = -1 if queries.own_ids is None else queries.own_ids[row]
        others = np.flatnonzero((ids != -1) & (ids != own_id))
        ascending_scores = -scores[others]
        ties = [
            int(np.searchsorted(ascending_scores, ascending_scores[:count][-1], side="right"))
            for count in RESULT_COUNTS
        ]
        correct = tuple(min(tied, count + _MAX_TIES) for tied, count in zip(ties, RESULT_COUNTS, strict=True))
        ascending = np.argsort(ids[others])
        truths.append(GroundTruth(ids[others][ascending], ascending, correct))
    return truths
