"""Applies rerankers one after the other, to as many candidates as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.config import Settings
from indexer.store import Store
from indexer.types import ProgressCallback, Vectors
from retrieval.query.query import Query
from retrieval.search.candidates import Candidates
from retrieval.search.rerank.protocol import Context, Ranking, Reranker

POOL = 100
"""Number of candidates that are reranked, at least."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The rerankers of a search.

    Attributes:
        steps: The rerankers in the order in which they are applied, at least one.
        settings: Device of encoders, and the limits of pictures.
        progress: Called with the progress of a slow reranker.
    """

    steps: Sequence[Reranker]
    settings: Settings
    progress: ProgressCallback | None = None


def rerank(
    chain: Chain, store: Store, query: Query, vector: Vectors, find: Callable[[int], Candidates], *, count: int
) -> Ranking:
    """Return the `count` best candidates after all rerankers; fewer if there are not as many.

    The rerankers get `POOL` candidates, or as many as one of them looks at if that is more. While they return too few,
    they get four times as many. The results of a smaller pool stay in front, so the order does not depend on `count`,
    and pages neither overlap nor leave anything out.

    Args:
        chain: The rerankers.
        store: The library.
        query: The query.
        vector: The query's vector, shape (d,), unit length.
        find: Returns the given number of candidates, best first.
        count: Number of hits.
    """
    context = Context(query, vector, store, chain.settings, chain.progress or (lambda _: None))
    pool = max(POOL, *(int(getattr(step, "depth", 0)) for step in chain.steps))
    order: list[int] = []
    while True:
        candidates = find(pool)
        ranking = Ranking.from_candidates(candidates)
        for step in chain.steps:
            ranking = step.rerank(ranking, context)
        rows = {item.item_id: row for row, item in enumerate(ranking.candidates.items)}
        order = [item_id for item_id in dict.fromkeys((*order, *rows)) if item_id in rows]
        ranking = ranking.take([rows[item_id] for item_id in order])
        if len(ranking) >= count or len(candidates) < pool:
            return ranking.take(range(min(count, len(ranking))))
        pool *= 4
