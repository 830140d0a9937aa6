"""Methods of `Library` that list and count items without a query."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import listing as statements
from indexer.catalog.statements.item import Item
from retrieval.library.base import BaseLibrary
from retrieval.query.resolve_filters import resolve_filter, with_filters
from retrieval.search import listing
from retrieval.search.listing import Items, ItemSort

_SCAN_PAGE = 1000


def list_(
    self: BaseLibrary,
    where: Filter | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    sort: ItemSort = "added",
    limit: int = 100,
    cursor: str | None = None,
    vectors: bool = False,
) -> Items:
    """Return a page of the photos, texts, rows and added items in the library, without a query; loads no encoder.

    Files that could not be indexed are left out; see `failures`. What is added or removed meanwhile moves nothing from
    one page to another.

    Args:
        where: Only items that pass this filter.
        folder: Only items in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        sort: "path", "name" (of the file), "date" (taken, oldest first), "rating" (lowest first), or "added" (as the
            library got to know them); with a - the other way round. What has no date or rating comes last.
        limit: Number of items, at least 1.
        cursor: `Items.cursor` of the page before, with the same sort and filter; None for the first page.
        vectors: Whether each item has its vector, `Item.vector`.

    Raises:
        QueryError: The folder is not indexed, the order is unknown, the limit is below 1, or the cursor comes from
            another order.
    """
    parsed = with_filters(where, folder=folder, after=after, before=before)
    resolved = resolve_filter(self._store, parsed)
    return listing.list_items(self._store, resolved, sort=sort, limit=limit, cursor=cursor, vectors=vectors)


def scan(self: BaseLibrary, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Item]:
    """Yield all items that pass a filter, in the order in which the library got to know them.

    They are read a thousand at a time, so memory does not grow with their number. What is added or deleted meanwhile
    moves nothing.

    Args:
        where: Only items that pass this filter; None for all.
        vectors: Whether each item has its vector, `Item.vector`.

    Raises:
        QueryError: A folder of the filter is not indexed.
    """
    cursor: str | None = None
    while True:
        page = list_(self, where, sort="added", limit=_SCAN_PAGE, cursor=cursor, vectors=vectors)
        yield from page
        cursor = page.cursor
        if cursor is None:
            return


def count(
    self: BaseLibrary,
    where: Filter | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
) -> int:
    """Return how many items in the library pass a filter; without one, how many there are.

    Args:
        where: Only items that pass this filter.
        folder: Only items in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.

    Raises:
        QueryError: The folder is not indexed.
    """
    parsed = with_filters(where, folder=folder, after=after, before=before)
    resolved = resolve_filter(self._store, parsed)
    with self._store.reading() as connection:
        return statements.count_items(connection, resolved)
