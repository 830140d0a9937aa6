"""Where a unit stands among all that a query is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import items
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex, inner_products

BLOCK = 65536
"""Embeddings that are scored at once: 134 MB in float32 at 512 numbers each."""


def standing(
    index: VectorIndex,
    connection: Connection,
    query: Vectors,
    *,
    value: float,
    item_id: int,
    allowed: Ids,
) -> tuple[int, int]:
    """Return how many items are better than one, by the order of a search, and among how many units that is.

    Args:
        index: The library's.
        connection: Of the catalog.
        query: Unit vector, shape (d,).
        value: Score of the item.
        item_id: The item; of equal scores the smaller id is better.
        allowed: Embeddings that are compared, ascending.
    """
    better: set[int] = set()
    among = 0
    for ids, scores in _scored(index, query, allowed):
        among += len(ids)
        close = ids[scores >= value]
        equal = set(ids[scores == value].tolist())
        for embedding, other in items.item_ids_by_embedding(connection, close).items():
            if other != item_id and (embedding not in equal or other < item_id):
                better.add(other)
    return len(better), among


def _scored(index: VectorIndex, query: Vectors, allowed: Ids) -> Iterator[tuple[Ids, Vectors]]:
    """Yield blocks of ids (n,) and their scores (n,), of the allowed embeddings that the index holds."""
    held = np.intersect1d(index.ids, allowed, assume_unique=True)
    for start in range(0, len(held), BLOCK):
        ids = held[start : start + BLOCK]
        yield ids, inner_products(query, index.vectors(ids))
