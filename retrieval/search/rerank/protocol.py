"""What goes through rerankers, and what they may look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from indexer.config import Settings
from indexer.store import Store
from indexer.types import Ids, Progress, Vectors
from retrieval.query.query import Query
from retrieval.search.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Step:
    """What a reranker computed.

    Attributes:
        name: The reranker, as it is asked for.
        scores: Its score of each candidate, shape (n,), float32; NaN where it has none.
    """

    name: str
    scores: Vectors


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates on their way through rerankers, in the present order; all parallel.

    Attributes:
        candidates: One for each hit.
        retrieval_rank: Where the search had each, 0 for the best, shape (n,): equals stay in that order.
        retrieval_score: How good the search found each, shape (n,), float32: its cosine, or where photos and texts
            were merged by another measure, the cosines in the order of that.
        score: What the next reranker takes for how good each is, on the scale of `retrieval_score`; at first the same.
        steps: What the rerankers so far computed.
        members: Those that became one hit with each candidate, none where it stands alone.
    """

    candidates: Candidates
    retrieval_rank: Ids
    retrieval_score: Vectors
    score: Vectors
    steps: tuple[Step, ...] = ()
    members: Sequence[tuple[Ranking, ...]] = ()

    @classmethod
    def of(cls, candidates: Candidates) -> Self:
        """Return candidates as a search found them."""
        own = np.sort(candidates.scores)[::-1]
        return cls(candidates, np.arange(len(candidates)), own, own, members=((),) * len(candidates))

    def __len__(self) -> int:
        return len(self.candidates)

    def take(self, rows: Sequence[int] | Ids) -> Ranking:
        """Return the candidates of these rows, in their order."""
        taken = np.asarray(rows, dtype=np.int64)
        return Ranking(
            self.candidates.take(taken),
            self.retrieval_rank[taken],
            self.retrieval_score[taken],
            self.score[taken],
            tuple(Step(step.name, step.scores[taken]) for step in self.steps),
            tuple(self.members[row] for row in taken.tolist()),
        )

    def scored(self, step: Step, score: NDArray[np.floating], *, first: int | None = None) -> Ranking:
        """Return the candidates ordered by a new score, equal ones as the search had them.

        Args:
            step: What it comes from.
            score: Shape (n,).
            first: Only so many of the best are put into a new order, the others follow; None orders all.
        """
        count = len(self) if first is None else min(first, len(self))
        order = sorted(range(count), key=lambda row: (-score[row], self.retrieval_rank[row]))
        judged = replace(self, score=score.astype(np.float32), steps=(*self.steps, step))
        return judged.take([*order, *range(count, len(self))])


@dataclass(frozen=True, slots=True)
class Context:
    """What a reranker may look at beside the candidates.

    Attributes:
        query: What is asked.
        vector: The query's vector under the library's encoder, shape (d,), float32, unit length.
        store: The library.
        settings: Where encoders run, and the limits of pictures.
        progress: Told how far a long reranker has come.
        encoded: What encoders made of units in this search, by (encoder's fingerprint, unit id), None where it cannot
            be made: a search that needs more candidates asks its rerankers again.
    """

    query: Query
    vector: Vectors
    store: Store
    settings: Settings
    progress: Callable[[Progress], None]
    encoded: dict[tuple[str, int], Vectors | None] = field(default_factory=dict)


@runtime_checkable
class Reranker(Protocol):
    """Puts candidates into another order, or makes groups of them."""

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in another order, or fewer where some became members of others.

        Args:
            ranking: The candidates, best first; it is not changed.
            context: What is asked, and of which library.
        """
