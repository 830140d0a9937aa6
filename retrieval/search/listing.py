"""Pages of items without a query, each continued from a cursor."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, get_args, overload

from sqlalchemy import Column

from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import listing as statements
from indexer.catalog.statements.item import Item
from indexer.catalog.statements.listing import Place
from indexer.errors import QueryError
from indexer.store import Store
from retrieval.search.frames import items_frame

if TYPE_CHECKING:
    from pandas import DataFrame

ItemSort = Literal["path", "-path", "name", "-name", "date", "-date", "rating", "-rating", "added", "-added"]
"""By path, by file name, by date taken, by rating, or in the order in which the library got to know them. With - the
other way round. Items without a date or a rating are last."""

_COLUMNS: dict[str, Column[Any]] = {
    "path": ITEMS.c.path,
    "name": ITEMS.c.name,
    "date": ITEMS.c.taken_at,
    "rating": ITEMS.c.rating,
    "added": ITEMS.c.id,
}

_MAX_ID = 2**63 - 1
"""The largest integer that SQLite stores."""


class Items(list[Item]):
    """A page of items: a list with one more attribute.

    Attributes:
        cursor: What continues the list after this page, for `Library.list`; None if nothing follows.
    """

    def __init__(self, items: Iterable[Item] = (), *, cursor: str | None = None) -> None:
        super().__init__(items)
        self.cursor = cursor

    @overload
    def __getitem__(self, index: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Items: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Item | Items:
        """Return an item, or the items of a slice, which are `Items` with the same cursor."""
        if isinstance(index, slice):
            return Items(super().__getitem__(index), cursor=self.cursor)
        return super().__getitem__(index)

    def to_frame(self) -> DataFrame:
        """Return the items as a pandas DataFrame with one row per item; its columns are the fields of `Item`.

        Each key of `metadata` has a column: `price` is in "metadata: price". `vector` has one if it was asked for.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        return items_frame(self)

    def _repr_html_(self) -> str:
        """Return the items for a notebook: the first 24, with thumbnails."""
        from retrieval.search.gallery import items_html  # late: only notebooks need it

        return items_html(self, has_more=self.cursor is not None)


def list_items(
    store: Store, where: Filter | None, *, sort: ItemSort, limit: int, cursor: str | None, vectors: bool = False
) -> Items:
    """Return a page of items in an order, ties by item id.

    Args:
        store: The library.
        where: Filter with paths as the catalog knows them; None lets everything pass.
        sort: The order.
        limit: Number of items, at least 1.
        cursor: `Items.cursor` of the page before; None for the first page.
        vectors: Whether the items have their vectors.

    Raises:
        QueryError: The order is unknown, the limit is below 1, or the cursor is not one of this order.
    """
    column = column_of(sort)
    if limit < 1:
        raise QueryError(f"{limit} items were asked for; expected at least 1")
    after = None if cursor is None else _read_cursor(cursor, sort)
    encoder = store.encoder if vectors else None
    with store.reading() as connection:
        items, place = statements.list_items(
            connection,
            where,
            column,
            descending=sort.startswith("-"),
            after=after,
            limit=limit,
            encoder=encoder,
            pictures=store.item_pictures,
        )
    return Items(items, cursor=None if place is None else _write_cursor(place, sort))


def column_of(sort: ItemSort) -> Column[Any]:
    """Return the column of an order.

    Raises:
        QueryError: The order is unknown.
    """
    if sort not in get_args(ItemSort):
        raise QueryError(f"there is no order {sort!r}; expected one of {', '.join(get_args(ItemSort))}")
    return _COLUMNS[sort.removeprefix("-")]


def _write_cursor(place: Place, sort: ItemSort) -> str:
    """Return a place in an order as letters, digits, - and _."""
    key = place.key.isoformat() if isinstance(place.key, datetime) else place.key
    return base64.urlsafe_b64encode(json.dumps([sort, key, place.item_id]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: ItemSort) -> Place:
    """Return the place in an order that a cursor stands for.

    Raises:
        QueryError: It does not come from a list in this order.
    """
    try:
        data = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        order, key, item_id = json.loads(data)
        if order == sort and type(item_id) is int and 0 < item_id <= _MAX_ID:
            return Place(_read_key(key, sort), item_id)
    except (ValueError, TypeError, RecursionError):
        pass
    raise QueryError(f"the cursor {cursor[:60]!r} does not belong to a list in the order {sort!r}; start without one")


def _read_key(key: Any, sort: ItemSort) -> Any:
    """Return the value of a cursor as its column has it.

    Raises:
        ValueError: It has another type, or is out of range.
    """
    column = _COLUMNS[sort.removeprefix("-")]
    if key is None and column.nullable:
        return None
    if column is ITEMS.c.taken_at:
        return datetime.fromisoformat(key).replace(tzinfo=None)
    is_text = column is ITEMS.c.path or column is ITEMS.c.name
    if isinstance(key, str) if is_text else type(key) is int and abs(key) <= _MAX_ID:
        return key
    raise ValueError(key)
