"""Hits of a query of which only a filter is left: what passes it, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from indexer.catalog.filters.expression import Filter, combine_filters
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import listing
from indexer.catalog.statements.units import first_unit_ids
from indexer.store import Store
from retrieval.search.engine import SearchKind, modality_of
from retrieval.search.hits import Hit, Hits

_FIELDS = {field.name for field in fields(Hit)}


def filter_hits(store: Store, where: Filter | None, *, k: int, kind: SearchKind) -> Hits:
    """Return the k newest items that pass a filter, without probabilities; the score of each is 0.

    Args:
        store: The library.
        where: The filter.
        k: Number of results, at least 1.
        kind: What to list.
    """
    modality = modality_of(kind)
    where = where if modality is None else combine_filters(where, Filter.kind(modality))
    with store.reading() as connection:
        items, _ = listing.list_items(
            connection, where, ITEMS.c.taken_at, descending=True, after=None, limit=k, pictures=store.item_pictures
        )
        units = first_unit_ids(connection, [item.item_id for item in items])

    def hits() -> Iterator[Hit]:
        for item in items:
            if item.item_id in units:
                values = {name: getattr(item, name) for name in item.__slots__ if name in _FIELDS}
                yield Hit(unit_id=units[item.item_id], score=0.0, part_scores=(), **values)

    return Hits(hits(), fingerprint=store.fingerprint)
