"""What a reranker gets and returns: Reranker, Ranking, Step and Context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from indexer.config import Settings
from indexer.store import Store
from indexer.types import Ids, ProgressCallback, Vectors
from retrieval.query.query import Query
from retrieval.search.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Step:
    """The scores of one reranker.

    Attributes:
        name: The reranker, as it is written in a search.
        scores: Its score for each candidate, shape (n,), float32; NaN for no score.
    """

    name: str
    scores: Vectors


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates in the order that the rerankers so far gave them; all attributes are parallel.

    Attributes:
        candidates: One for each hit.
        retrieval_rank: Position of each candidate in the search result, 0 for the best, shape (n,); breaks ties.
        retrieval_score: Score of each candidate in the search result, shape (n,), float32: its cosine, or, if the order
            comes from another measure, the sorted cosines in that order.
        score: The score that the next reranker starts from, on the scale of `retrieval_score`; at first the same.
        steps: The scores of the rerankers so far.
        members: For each candidate the groups that it stands for; () if it stands for itself only.
    """

    candidates: Candidates
    retrieval_rank: Ids
    retrieval_score: Vectors
    score: Vectors
    steps: tuple[Step, ...] = ()
    members: Sequence[tuple[Ranking, ...]] = ()

    @classmethod
    def from_candidates(cls, candidates: Candidates) -> Self:
        """Return the ranking of a search result, best first."""
        descending = np.sort(candidates.scores)[::-1]
        return cls(candidates, np.arange(len(candidates)), descending, descending, members=((),) * len(candidates))

    def __len__(self) -> int:
        return len(self.candidates)

    def take(self, rows: Sequence[int] | Ids) -> Ranking:
        """Return the candidates of these rows, in this order."""
        indices = np.asarray(rows, dtype=np.int64)
        return Ranking(
            self.candidates.take(indices),
            self.retrieval_rank[indices],
            self.retrieval_score[indices],
            self.score[indices],
            tuple(Step(step.name, step.scores[indices]) for step in self.steps),
            tuple(self.members[row] for row in indices.tolist()),
        )

    def reorder(self, step: Step, score: NDArray[np.floating], *, depth: int | None = None) -> Ranking:
        """Return the candidates ordered by a new score; ties are in the order of the search.

        Args:
            step: The scores that the new score comes from.
            score: Shape (n,).
            depth: Number of candidates that are reordered; the others follow in their order. None reorders all.
        """
        count = len(self) if depth is None else min(depth, len(self))
        order = sorted(range(count), key=lambda row: (-score[row], self.retrieval_rank[row]))
        rescored = replace(self, score=score.astype(np.float32), steps=(*self.steps, step))
        return rescored.take([*order, *range(count, len(self))])


@dataclass(frozen=True, slots=True)
class Context:
    """The search that a reranker works for.

    Attributes:
        query: The query.
        vector: Its vector under the library's encoder, shape (d,), float32, unit length.
        store: The library.
        settings: Device of encoders, and the limits of pictures.
        progress: Called with the progress of a slow reranker.
        embeddings: Embeddings by other encoders, by (encoder's fingerprint, unit id); None for a unit that cannot be
            embedded. A search that needs more candidates runs its rerankers again and finds them here.
    """

    query: Query
    vector: Vectors
    store: Store
    settings: Settings
    progress: ProgressCallback
    embeddings: dict[tuple[str, int], Vectors | None] = field(default_factory=dict)


@runtime_checkable
class Reranker(Protocol):
    """Puts candidates into another order, or into groups.

    A reranker that looks at its best N candidates only may have an attribute `depth`, an int: the search then finds at
    least as many candidates.
    """

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in another order, or fewer if some became members of others.

        Args:
            ranking: The candidates, best first. It must not be changed.
            context: The query and the library.
        """
