"""Rerankers in their order, over as many candidates as it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.config import Settings
from indexer.store import Store
from indexer.types import ProgressCallback, Vectors
from retrieval.query.query import Query
from retrieval.search.candidates import Candidates
from retrieval.search.rerank.protocol import Context, Ranking, Reranker
from retrieval.search.rerank.second_encoder import SecondEncoder

POOL = 100
"""Candidates that are reranked at least."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a search hands its candidates to.

    Attributes:
        steps: The rerankers, in their order, at least one.
        query: What is asked.
        settings: Where encoders run, and the limits of pictures.
        progress: Told how far a long reranker has come.
    """

    steps: Sequence[Reranker]
    query: Query
    settings: Settings
    progress: ProgressCallback | None = None


def reranked(chain: Chain, store: Store, vector: Vectors, find: Callable[[int], Candidates], *, count: int) -> Ranking:
    """Return the `count` best after all rerankers; all where there are fewer.

    The candidates are `POOL`, or as many as an encoder is to score where that is more, and four times as many for as
    long as too few come back. What came back of fewer stays in front, so that the order does not depend on `count` and
    pages neither overlap nor leave anything out.

    Args:
        chain: The rerankers.
        store: The library.
        vector: The query's vector, shape (d,), unit length.
        find: Gives so many candidates, best first.
        count: Hits wanted.
    """
    context = Context(chain.query, vector, store, chain.settings, chain.progress or (lambda _: None))
    pool = max([POOL, *(step.first for step in chain.steps if isinstance(step, SecondEncoder))])
    order: list[int] = []
    while True:
        candidates = find(pool)
        ranking = Ranking.of(candidates)
        for step in chain.steps:
            ranking = step.rerank(ranking, context)
        rows = {item.item_id: row for row, item in enumerate(ranking.candidates.items)}
        order = [item_id for item_id in dict.fromkeys((*order, *rows)) if item_id in rows]
        ranking = ranking.take([rows[item_id] for item_id in order])
        if len(ranking) >= count or len(candidates) < pool:
            return ranking.take(range(min(count, len(ranking))))
        pool *= 4
