"""`exact`: scores the candidates again with the embeddings in the catalog."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.catalog.statements import units
from indexer.errors import QueryError
from indexer.registry import Entry
from indexer.types import Modality
from indexer.vectors.base import from_half, inner_products, to_half
from retrieval.search.rerank.protocol import Context, Ranking

ENTRY = Entry(
    name="exact",
    syntax="exact",
    help="score the candidates again with the embeddings in the catalog, which are exact",
)


class Exact:
    """Scores candidates with the embeddings in the catalog, for indexes whose scores are estimates.

    Recall's own indexes score exactly, so it changes nothing after them.
    """

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by exact cosine; photos keep the positions that photos had, and texts those of texts.

        The order stays if it does not come from the cosine but from full-text search or a reranker. A candidate that
        was just deleted keeps its score.
        """
        encoder = context.store.encoder
        if encoder is None:
            return ranking
        items = ranking.candidates.items
        with context.store.reading() as connection:
            ids, stored = units.unit_vectors(connection, encoder.id, encoder.dim, [item.unit_id for item in items])
        adapter = context.store.adapter
        if adapter is not None and adapter.changes_index:
            photos = {item.unit_id for item in items if item.kind == Modality.PHOTO}
            stored = adapter.adapt(stored, np.array([id_ in photos for id_ in ids.tolist()], dtype=np.bool_))
        exact = dict(zip(ids.tolist(), from_half(to_half(stored)), strict=True))
        scores, vectors = ranking.candidates.scores.copy(), ranking.candidates.vectors.copy()
        for row, item in enumerate(items):
            if item.unit_id in exact:
                vectors[row] = exact[item.unit_id]
                scores[row] = inner_products(context.vector, vectors[row : row + 1])[0]
        rescored = replace(ranking, candidates=replace(ranking.candidates, scores=scores, vectors=vectors))
        if np.any(np.diff(ranking.retrieval_rank) < 0):  # a reranker has changed the order
            return rescored
        order = np.arange(len(items))
        for kind in Modality:
            rows = [row for row, item in enumerate(items) if item.kind == kind]
            if np.all(np.diff(ranking.candidates.scores[rows]) <= 0):
                order[rows] = sorted(rows, key=lambda row: (-scores[row], items[row].item_id))
        descending = np.sort(scores)[::-1]
        return replace(
            rescored.take(order),
            retrieval_rank=ranking.retrieval_rank,
            retrieval_score=descending,
            score=descending,
        )


def make(argument: str) -> Exact:
    """Return the reranker, which has no value after a colon.

    Raises:
        QueryError: There is one.
    """
    if argument:
        raise QueryError(f"exact takes no value after a colon, but has {argument!r}; expected exact")
    return Exact()
