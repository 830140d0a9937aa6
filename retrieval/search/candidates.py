"""What a query may be answered with: the units nearest to it, one of each item, with all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.catalog.statements import items as item_queries
from indexer.catalog.statements.items import ItemDetails
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from retrieval.search.filtered_nearest import FilteredSearch

SPARE = 2
"""Units that are asked for beyond the items that are wanted: one to be left out, and one that is worse than the last,
which shows that no item of equal score is missing. Where items have several units, more are asked for in another go."""


NOTHING: Vectors = np.empty((0, 0), dtype=np.float32)
"""No vectors."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items with the unit of each that is nearest to a query, best first; parallel.

    Attributes:
        items: What the catalog knows of them, (n,).
        scores: Cosine of query and unit, shape (n,), float32.
        vectors: The units' embeddings, shape (n, d), float32, unit length.
        searched: How many units they are the best of, about.
        further: Embeddings of the units that come next, shape (m, d), where these were asked for.
    """

    items: Sequence[ItemDetails]
    scores: Vectors
    vectors: Vectors
    searched: int = 0
    further: Vectors = field(default_factory=lambda: NOTHING)

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: Sequence[int] | Ids) -> Candidates:
        """Return the candidates of these rows, in their order."""
        places = np.asarray(rows, dtype=np.int64)
        items = [self.items[row] for row in places.tolist()]
        return replace(self, items=items, scores=self.scores[places], vectors=self.vectors[places])

    def first(self, count: int) -> Candidates:
        """Return so many of the best, all where there are fewer."""
        return self.take(range(min(count, len(self))))


NONE = Candidates((), np.empty(0, dtype=np.float32), NOTHING)
"""No candidates."""


def find(
    store: Store,
    query: Vectors,
    count: int,
    *,
    where: Filter | None,
    kind: Modality | None = None,
    leave_out: int | None = None,
    depth: int = 0,
) -> Candidates:
    """Return the `count` items nearest to a query, best first, equal scores by item id; all where there are fewer.

    Args:
        store: The library.
        query: Unit vector, shape (d,).
        count: Items wanted, at least 1.
        where: What may be returned; None lets everything pass.
        kind: Only units of this kind; None takes all.
        leave_out: An item that is not returned: the query's own.
        depth: So many units are wanted in all, those that come next without their items; fewer are given where a
            filter would make them dear.
    """
    known = store.encoder
    if known is None:
        return NONE
    kept = where if kind is None else combine_filters(where, Filter.kind(kind))
    with store.locked_index() as index, store.reading() as connection:
        nearest = FilteredSearch(index, connection, known.id, query, kept, cached=store.filter_cache)
        wanted = count + SPARE
        while True:
            ids, scores = nearest.best(wanted, depth)
            found = item_queries.item_details(connection, ids[:wanted].tolist())
            rows = _first_of_each([found.get(id_) for id_ in ids[:wanted].tolist()], leave_out)
            if len(ids) < wanted or (len(rows) >= count and scores[wanted - 1] < scores[rows[count - 1]]):
                break  # that is all, or what is worse was seen too: no item that shares the last score is missing
            wanted *= 4
        further = index.vectors(ids[wanted:depth])
        ids, scores = ids[rows], scores[rows]
        items = [found[id_] for id_ in ids.tolist()]
        candidates = Candidates(items, scores, index.vectors(ids), nearest.searched, further)
    order = sorted(range(len(candidates)), key=lambda row: (-candidates.scores[row], candidates.items[row].item_id))
    return candidates.take(order[:count])


def has_kind(store: Store, kind: Modality) -> bool:
    """Return whether the library holds units of a kind."""
    return store.cached(("has", kind), lambda connection: item_queries.has_kind(connection, kind))


def _first_of_each(found: Sequence[ItemDetails | None], leave_out: int | None) -> Ids:
    """Return the rows with the first unit of each item, without units that are gone and the item to leave out."""
    seen = {leave_out}
    rows = []
    for row, item in enumerate(found):
        if item is not None and item.item_id not in seen:
            seen.add(item.item_id)
            rows.append(row)
    return np.array(rows, dtype=np.int64)
