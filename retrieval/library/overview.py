"""Methods of `Library` that describe all items at once, for what shows a whole library."""

from __future__ import annotations

from indexer.catalog.filters.criteria import Kind
from indexer.catalog.filters.expression import Filter, Term, combine_filters
from indexer.catalog.statements import facets as facet_statements
from indexer.catalog.statements import layout as layout_statements
from indexer.catalog.statements.facets import Facets
from indexer.catalog.statements.layout import Layout, Positions
from retrieval.library.base import BaseLibrary
from retrieval.query.resolve_filters import resolve_filter
from retrieval.search.engine import SearchKind, check_kind, modality_of
from retrieval.search.listing import ItemSort, column_of


def layout(
    self: BaseLibrary, where: Filter | None = None, *, kind: SearchKind = "all", sort: ItemSort = "-date"
) -> Layout:
    """Return id, size, kind and day of all items that pass a filter, in an order: what a grid of pictures needs.

    100,000 items take a fifth of a second; their order is that of `list`.

    Args:
        where: Only items that pass this filter.
        kind: "all", "photos" or "texts".
        sort: The order, as in `list`; by default the latest first.

    Raises:
        QueryError: The order or the kind is unknown, or a folder of the filter is not indexed.
    """
    column = column_of(sort)
    resolved = _resolved(self, where, kind)
    with self._store.reading() as connection:
        return layout_statements.read_layout(connection, resolved, column, descending=sort.startswith("-"))


def facets(self: BaseLibrary, where: Filter | None = None, *, kind: SearchKind = "all") -> Facets:
    """Return how many items pass a filter by month, camera, lens, tag, person, place, rating, folder and so on.

    Args:
        where: Only items that pass this filter.
        kind: "all", "photos" or "texts".

    Raises:
        QueryError: The kind is unknown, or a folder of the filter is not indexed.
    """
    resolved = _resolved(self, where, kind)
    with self._store.reading() as connection:
        return facet_statements.read_facets(connection, resolved)


def positions(self: BaseLibrary, where: Filter | None = None) -> Positions:
    """Return where the items that pass a filter were taken, as far as that is known, ordered by item id.

    Args:
        where: Only items that pass this filter.

    Raises:
        QueryError: A folder of the filter is not indexed.
    """
    resolved = _resolved(self, where, "all")
    with self._store.reading() as connection:
        return layout_statements.read_positions(connection, resolved)


def _resolved(self: BaseLibrary, where: Filter | None, kind: SearchKind) -> Filter | None:
    """Return a filter that also requires a kind, with folders as the catalog knows them."""
    check_kind(kind)
    modality = modality_of(kind)
    return resolve_filter(self._store, combine_filters(where, None if modality is None else Term(Kind(modality))))
