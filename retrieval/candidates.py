"""What a query may be answered with: the units nearest to it, one of each item, with all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from indexer.catalog import queries
from indexer.catalog.queries import Filters, FoundItem
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from indexer.vectors.base import VectorIndex

SPARE = 8
"""Units that are asked for beyond the items that are wanted: where an item has several, they share a hit."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items with the unit of each that is nearest to a query, best first; parallel.

    Attributes:
        items: What the catalog knows of them, (n,).
        scores: Cosine of query and unit, shape (n,), float32.
        vectors: The units' embeddings, shape (n, d), float32, unit length.
        searched: How many units these are the best of.
    """

    items: Sequence[FoundItem]
    scores: Vectors
    vectors: Vectors
    searched: int

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: Sequence[int] | Ids) -> Candidates:
        """Return the candidates of these rows, in their order."""
        places = np.asarray(rows, dtype=np.int64)
        items = [self.items[row] for row in places.tolist()]
        return Candidates(items, self.scores[places], self.vectors[places], self.searched)


NONE = Candidates((), np.empty(0, dtype=np.float32), np.empty((0, 0), dtype=np.float32), 0)
"""No candidates."""


def find(
    store: Store,
    query: Vectors,
    count: int,
    *,
    filters: Filters,
    kind: Modality | None = None,
    leave_out: int | None = None,
) -> Candidates:
    """Return the `count` items nearest to a query, best first, equal scores by item id; all where there are fewer.

    Args:
        store: The library.
        query: Unit vector, shape (d,).
        count: Items wanted, at least 1.
        filters: Which items may be returned.
        kind: Only units of this kind; None takes all.
        leave_out: An item that is not returned: the query's own.
    """
    with store.searching() as index, store.reading() as connection:
        allowed = _allowed(store, connection, filters, kind)
        available = len(index) if allowed is None else len(allowed)
        wanted = count + SPARE
        while True:
            ids, scores = _nearest(index, query, min(wanted, available), allowed)
            found = queries.found_items(connection, ids.tolist())
            rows = _first_of_each([found.get(id_) for id_ in ids.tolist()], leave_out)
            if len(rows) >= count or len(ids) >= available:
                break
            wanted *= 4
        ids, scores = ids[rows], scores[rows]
        nearest = Candidates([found[id_] for id_ in ids.tolist()], scores, index.vectors(ids), available)
    order = sorted(range(len(nearest)), key=lambda row: (-nearest.scores[row], nearest.items[row].item_id))
    return nearest.take(order[:count])


def has_kind(store: Store, kind: Modality) -> bool:
    """Return whether the library holds units of a kind."""
    with store.reading() as connection:
        return queries.has_kind(connection, kind)


def _allowed(store: Store, connection: Connection, filters: Filters, kind: Modality | None) -> Ids | None:
    """Return the embeddings that may be returned, ascending; None where all may."""
    known = store.encoder
    if known is None or (filters == Filters() and kind is None):
        return None
    return queries.embedding_ids(connection, known.id, filters, kind=kind)


def _nearest(index: VectorIndex, query: Vectors, wanted: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
    """Return ids and scores of the nearest units, (n,) each, best first."""
    if wanted < 1:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    nearest = index.search(query[None], wanted, allowed=allowed)
    kept = nearest.ids[0] != -1
    return nearest.ids[0][kept], nearest.scores[0][kept]


def _first_of_each(found: Sequence[FoundItem | None], leave_out: int | None) -> Ids:
    """Return the rows with the first unit of each item, without units that are gone and the item to leave out."""
    seen = {leave_out}
    rows = []
    for row, item in enumerate(found):
        if item is not None and item.item_id not in seen:
            seen.add(item.item_id)
            rows.append(row)
    return np.array(rows, dtype=np.int64)
