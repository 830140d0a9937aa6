"""The candidates of a query: the units nearest to it, one for each item, with what the catalog knows of the item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.catalog.statements import items as item_statements
from indexer.catalog.statements.items import ItemDetails
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from retrieval.search.filtered_nearest import FilteredSearch
from retrieval.search.query_batch import BatchRow

_EXTRA_UNITS = 2
"""Units that are requested beyond the number of items: one to leave out, and one that is worse than the last item,
which proves that no item with the same score is missing. If items have several units, more are requested again."""

_NO_VECTORS: Vectors = np.empty((0, 0), dtype=np.float32)
_NO_SCORES: Vectors = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items with the unit of each that is nearest to a query, best first; items, scores and vectors are parallel.

    Attributes:
        items: Details of the items, (n,).
        scores: Cosine of query and unit, shape (n,), float32.
        vectors: Embeddings of the units, shape (n, d), float32, unit length.
        unit_scores: Cosines of the best units, several of one item among them, best first, shape (m,).
        passing: Number of units that pass the filter; None if it is not known.
    """

    items: Sequence[ItemDetails]
    scores: Vectors
    vectors: Vectors
    unit_scores: Vectors = field(default_factory=lambda: _NO_SCORES)
    passing: int | None = 0

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: Sequence[int] | Ids) -> Candidates:
        """Return the candidates of these rows, in this order."""
        indices = np.asarray(rows, dtype=np.int64)
        items = [self.items[row] for row in indices.tolist()]
        return replace(self, items=items, scores=self.scores[indices], vectors=self.vectors[indices])

    def first(self, count: int) -> Candidates:
        """Return the best `count` candidates, all if there are fewer."""
        return self.take(range(min(count, len(self))))


NO_CANDIDATES = Candidates((), _NO_SCORES, _NO_VECTORS)


def concat(lists: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all lists, one list after the other."""
    lists = [candidates for candidates in lists if len(candidates)]
    if not lists:
        return NO_CANDIDATES
    return Candidates(
        [item for candidates in lists for item in candidates.items],
        np.concatenate([candidates.scores for candidates in lists]),
        np.concatenate([candidates.vectors for candidates in lists]),
    )


def find_candidates(
    store: Store,
    query: Vectors,
    count: int,
    *,
    where: Filter | None,
    kind: Modality | None = None,
    leave_out: int | None = None,
    depth: int = 0,
    batch: BatchRow | None = None,
) -> Candidates:
    """Return the `count` items nearest to a query, best first, ties by item id; all if there are fewer.

    Args:
        store: The library.
        query: Unit vector, shape (d,).
        count: Number of items, at least 1.
        where: Filter; None lets everything pass.
        kind: Only units of this kind; None takes all.
        leave_out: Id of an item that is left out: the query's own.
        depth: Number of units in `unit_scores`, at least. There may be fewer if a filter would make them slow to find.
        batch: The query in a batch of others, if it has one.
    """
    encoder = store.encoder
    if encoder is None:
        return NO_CANDIDATES
    where = where if kind is None else combine_filters(where, Filter.kind(kind))
    with store.searching() as (index, connection):
        nearest = FilteredSearch(index, connection, encoder.id, query, where, cached=store.filter_cache, batch=batch)
        read_details = item_statements.item_details if batch is None else batch.batch.details
        wanted = count + _EXTRA_UNITS
        while True:
            ids, scores = nearest.best(wanted, depth)
            details = read_details(connection, ids[:wanted].tolist())
            rows = _first_unit_rows([details.get(id_) for id_ in ids[:wanted].tolist()], leave_out)
            if len(ids) < wanted or (len(rows) >= count and scores[wanted - 1] < scores[rows[count - 1]]):
                break  # there are no more units, or a worse one was found, so no tie with the last item is missing
            wanted *= 4
        is_own = np.array(
            [_is_of(details.get(id_), leave_out) for id_ in ids[:wanted].tolist()] + [False] * len(ids[wanted:]),
            dtype=bool,  # also if a filter lets nothing pass
        )
        unit_scores = scores[~is_own]
        ids, scores = ids[rows], scores[rows]
        items = [details[id_] for id_ in ids.tolist()]
        candidates = Candidates(items, scores, index.vectors(ids), unit_scores, nearest.passing)
    order = sorted(range(len(candidates)), key=lambda row: (-candidates.scores[row], candidates.items[row].item_id))
    return candidates.take(order[:count])


def has_kind(store: Store, kind: Modality) -> bool:
    """Return whether the library holds units of a kind."""
    return store.cached(("has", kind), lambda connection: item_statements.has_kind(connection, kind))


def _is_of(unit: ItemDetails | None, item_id: int | None) -> bool:
    return unit is not None and unit.item_id == item_id


def _first_unit_rows(details: Sequence[ItemDetails | None], leave_out: int | None) -> Ids:
    """Return the row of the first unit of each item, without deleted units and the item to leave out."""
    seen_ids = {leave_out}
    rows = []
    for row, item in enumerate(details):
        if item is not None and item.item_id not in seen_ids:
            seen_ids.add(item.item_id)
            rows.append(row)
    return np.array(rows, dtype=np.int64)
