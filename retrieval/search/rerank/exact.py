"""`exact`: the cosine again, in float32, from what the catalog holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from indexer.catalog.statements import units
from indexer.types import Modality
from indexer.vectors.base import from_half, inner_products, to_half
from retrieval.search.rerank.protocol import Context, Ranking


class Exact:
    """Scores candidates again from the catalog, as an index that only estimates scores needs it.

    The index that Recall has scores exactly; after it this changes nothing.
    """

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by their exact cosine, photos and texts each in the places that they had.

        Where another measure than the cosine made the order, such as words or a reranker, that stays. A candidate that
        has just been removed keeps its old score.
        """
        known = context.store.encoder
        if known is None:
            return ranking
        items = ranking.candidates.items
        with context.store.reading() as connection:
            ids, kept = units.unit_vectors(connection, known.id, known.dim, [item.unit_id for item in items])
        adapter = context.store.adapter
        if adapter is not None and adapter.changes_index:
            photos = {item.unit_id for item in items if item.kind == Modality.PHOTO}
            kept = adapter.adapt(kept, np.array([id_ in photos for id_ in ids.tolist()], dtype=np.bool_))
        exact = dict(zip(ids.tolist(), from_half(to_half(kept)), strict=True))
        scores, vectors = ranking.candidates.scores.copy(), ranking.candidates.vectors.copy()
        for row, item in enumerate(items):
            if item.unit_id in exact:
                vectors[row] = exact[item.unit_id]
                scores[row] = inner_products(context.vector, vectors[row : row + 1])[0]
        rescored = replace(ranking, candidates=replace(ranking.candidates, scores=scores, vectors=vectors))
        if np.any(np.diff(ranking.retrieval_rank) < 0):
            return rescored
        order = np.arange(len(items))
        for kind in Modality:
            rows = [row for row, item in enumerate(items) if item.kind == kind]
            if np.all(np.diff(ranking.candidates.scores[rows]) <= 0):
                order[rows] = sorted(rows, key=lambda row: (-scores[row], items[row].item_id))
        own = np.sort(scores)[::-1]
        return replace(rescored.take(order), retrieval_rank=ranking.retrieval_rank, retrieval_score=own, score=own)
