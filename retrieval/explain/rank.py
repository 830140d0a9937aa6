"""Rank of a unit among all units that are compared with a query."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from indexer.catalog.statements import items
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex

BLOCK = 65536
"""Embeddings that are scored at once: 134 MB in float32 with 512 dimensions."""


def find_rank(
    index: VectorIndex,
    connection: Connection,
    query: Vectors,
    *,
    score: float,
    item_id: int,
    allowed: Ids,
) -> tuple[int, int]:
    """Return the rank of an item by the order of a search, 1 for the best, and the number of units compared.

    Args:
        index: The library's index.
        connection: Connection to the catalog.
        query: Unit vector, shape (d,).
        score: Score of the item.
        item_id: The item; of equal scores the smaller id ranks higher.
        allowed: Ids of the embeddings that are compared, ascending, shape (n,).
    """
    better: set[int] = set()
    total = 0
    for ids, scores in _score_blocks(index, query, allowed):
        total += len(ids)
        candidates = ids[scores >= score]
        ties = set(ids[scores == score].tolist())
        for embedding, other in items.item_ids_by_embedding(connection, candidates).items():
            if other != item_id and (embedding not in ties or other < item_id):
                better.add(other)
    return len(better) + 1, total


def _score_blocks(index: VectorIndex, query: Vectors, allowed: Ids) -> Iterator[tuple[Ids, Vectors]]:
    """Yield blocks of ids (n,) and their scores (n,), of the allowed embeddings that are in the index."""
    for start in range(0, len(allowed), BLOCK):
        yield index.score(query, allowed[start : start + BLOCK])
