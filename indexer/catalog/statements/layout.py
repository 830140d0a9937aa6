"""Statements that read a few columns of all items at once, for what shows a whole library.

A row of Python objects per item would take three times as long: the database makes one JSON list of a column.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Select, select

from indexer.catalog.constructs import Day, JoinedIds, JsonList
from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements.listing import item_condition
from indexer.types import Ids


@dataclass(frozen=True, slots=True)
class Layout:
    """What a grid of pictures needs to know of each item, in an order: one tuple per column.

    Attributes:
        item_ids: Their ids in the catalog.
        widths: Widths in pixels, upright; None without a picture.
        heights: Heights in pixels, upright.
        kinds: "photo" or "text".
        days: The days on which photos were taken, like "2019-05-01"; None for items without a date.
    """

    item_ids: tuple[int, ...]
    widths: tuple[int | None, ...]
    heights: tuple[int | None, ...]
    kinds: tuple[str, ...]
    days: tuple[str | None, ...]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.item_ids)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the items with a position were taken, ordered by item id.

    Attributes:
        item_ids: Their ids in the catalog.
        latitudes: Degrees, north positive, to 15 digits.
        longitudes: Degrees, east positive, to 15 digits.
    """

    item_ids: tuple[int, ...]
    latitudes: tuple[float, ...]
    longitudes: tuple[float, ...]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.item_ids)


def read_layout(connection: Connection, where: Filter | None, column: Column[Any], *, descending: bool) -> Layout:
    """Return the items that pass a filter, in the order of `listing.list_items`; failed items are left out.

    Args:
        connection: Open connection.
        where: Filter; None lets everything pass.
        column: The column that orders the items; equal values are ordered by item id. It has an index.
        descending: Whether the order is reversed, that of equal values too.
    """
    columns = (ITEMS.c.id, ITEMS.c.width, ITEMS.c.height, ITEMS.c.modality, Day(ITEMS.c.taken_at))
    values = _columns(connection, indexed_items(*columns, where=where))
    item_ids = np.array(values[0], dtype=np.int64)
    order = _order(connection, item_ids, column, descending=descending).tolist()
    return Layout(*(tuple([part[place] for place in order]) for part in values))


def read_positions(connection: Connection, where: Filter | None) -> Positions:
    """Return the positions of the items that pass a filter; failed items are left out."""
    has_position = (ITEMS.c.latitude.is_not(None), ITEMS.c.longitude.is_not(None))
    statement = indexed_items(ITEMS.c.id, ITEMS.c.latitude, ITEMS.c.longitude, where=where).where(*has_position)
    values = _columns(connection, statement)
    order = np.argsort(np.array(values[0], dtype=np.int64)).tolist()
    return Positions(*(tuple([part[place] for place in order]) for part in values))


def indexed_items(*columns: ColumnElement[Any], where: Filter | None) -> Select[Any]:
    """Return the statement that selects columns of the items that pass a filter and did not fail."""
    statement = select(*columns).where(ITEMS.c.failure.is_(None))
    return statement if where is None else statement.where(item_condition(where))


def read_ids(text: str | None) -> Ids:
    """Return the ids that `JoinedIds` has joined, shape (n,)."""
    return np.fromstring(text, dtype=np.int64, sep=",") if text else np.empty(0, dtype=np.int64)


def _columns(connection: Connection, statement: Select[Any]) -> list[list[Any]]:
    """Return the columns of a statement, a list each."""
    rows = statement.subquery()
    lists = connection.execute(select(*(JsonList(column) for column in rows.c))).one()
    return [json.loads(text) for text in lists]


def _order(connection: Connection, item_ids: Ids, column: Column[Any], *, descending: bool) -> Ids:
    """Return the places in `item_ids` in the order of a column, shape (n,); items without a value are last."""
    by_id = np.argsort(item_ids)[:: -1 if descending else 1]
    if column is ITEMS.c.id or not len(item_ids):
        return by_id
    keys = (column.desc(), ITEMS.c.id.desc()) if descending else (column, ITEMS.c.id)
    # of all items: the index of the column has their ids, and no row is read
    ordered = select(ITEMS.c.id).where(column.is_not(None)).order_by(*keys).subquery()
    ids = read_ids(connection.scalar(select(JoinedIds(ordered.c.id))))
    place = np.full(max(int(ids.max(initial=0)), int(item_ids.max())) + 1, -1, dtype=np.int64)  # by item id
    place[item_ids] = np.arange(len(item_ids))
    with_value = place[ids]
    with_value = with_value[with_value >= 0]
    has_value = np.zeros(len(item_ids), dtype=bool)
    has_value[with_value] = True
    return np.concatenate([with_value, by_id[~has_value[by_id]]])
