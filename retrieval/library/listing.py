"""Methods of `Library` that list and count items without a query."""

from __future__ import annotations

import os
from datetime import date

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import listing as statements
from retrieval.library.base import BaseLibrary
from retrieval.query.resolve_filters import resolve_filter, with_filters
from retrieval.search import listing
from retrieval.search.listing import Items, ItemSort


def list_(
    self: BaseLibrary,
    *,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    sort: ItemSort = "path",
    limit: int = 100,
    cursor: str | None = None,
) -> Items:
    """Return a page of the photos, texts and rows in the library, without a query; no encoder is loaded.

    Files that could not be indexed are left out; see `failures`. What is added or removed meanwhile moves nothing from
    one page to another.

    Args:
        folder: Only items in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter, in addition to folder, after and before.
        sort: "path", "name" (of the file), "date" (taken, oldest first), "rating" (lowest first), or "added" (as the
            library got to know them); with a - the other way round. What has no date or rating comes last.
        limit: Number of items, at least 1.
        cursor: `Items.cursor` of the page before, with the same sort and filter; None for the first page.

    Raises:
        QueryError: The folder is not indexed, the order is unknown, the limit is below 1, or the cursor comes from
            another order.
    """
    parsed = with_filters(where, folder=folder, after=after, before=before)
    resolved = resolve_filter(self._store, parsed)
    return listing.list_items(self._store, resolved, sort=sort, limit=limit, cursor=cursor)


def count(
    self: BaseLibrary,
    *,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
) -> int:
    """Return how many photos, texts and rows in the library pass a filter; without one, how many there are.

    Args:
        folder: Only items in this folder or below it.
        after: Only photos taken at or after this date or time: a date, a datetime, or a string like "2024-05-01".
        before: Only photos taken before this date or time.
        where: Only items that pass this filter, in addition to folder, after and before.

    Raises:
        QueryError: The folder is not indexed.
    """
    parsed = with_filters(where, folder=folder, after=after, before=before)
    resolved = resolve_filter(self._store, parsed)
    with self._store.reading() as connection:
        return statements.count_items(connection, resolved)
