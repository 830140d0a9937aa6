"""Statements that list and count items without a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, case, func, literal, select, tuple_

from indexer.catalog.filters.criteria import Criterion, Kind
from indexer.catalog.filters.expression import Filter, Term
from indexer.catalog.filters.metadata import Metadata
from indexer.catalog.filters.patterns import Label
from indexer.catalog.schema import ITEMS, LABELS
from indexer.catalog.statements.counts import count_by_kind
from indexer.catalog.statements.items import labels_of
from indexer.types import Modality, file_of, row_of, with_offset


@dataclass(frozen=True, slots=True)
class Item:
    """A photo, a text file, or a row of a table in the library.

    Attributes:
        item_id: Its id in the catalog.
        path: Its file; for a row of a table, its picture, or the table if it has none.
        row: Id of the row in a table; None for other items.
        kind: A photo, or a text; a row with a picture is a photo.
        size: Size of the file in bytes.
        format: File format, for instance "JPEG".
        width: Width in pixels, upright.
        height: Height in pixels, upright.
        taken_at: Time of the photo, local time of the camera.
        taken_from: Origin of `taken_at`, as in `Hit`.
        utc_offset: Minutes by which `taken_at` is ahead of UTC; None if the camera does not record it.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
        lens: Name of the lens.
        rating: 0 to 5; -1 for rejected.
        title: Title by the photographer.
        description: Description by the photographer, or by the camera.
        tags: Keywords.
        people: Names of the people in the photo.
        places: Names of the places where it was taken or that it shows.
    """

    item_id: int
    path: Path
    row: str | None
    kind: Modality
    size: int
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    taken_from: str | None
    utc_offset: int | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    lens: str | None
    rating: int | None
    title: str | None
    description: str | None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the item as values for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "path": str(self.path),
            "kind": str(self.kind),
            "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
            **{name: list(getattr(self, name)) for name in LABELS},
        }


class Place(NamedTuple):
    """A place in an order of items: the last item of a page.

    Attributes:
        key: Its value in the column of the order; None if it has none.
        item_id: Its id, which orders items with equal values.
    """

    key: Any
    item_id: int


_SAME_NAME = tuple(field.name for field in fields(Item) if field.name in ITEMS.c and field.name != "path")
"""The fields of an item whose columns have the same names."""


_MANY = 5000
"""Matches from which on a page is found by walking along its order: sorting as many takes 30 ms."""


def list_items(
    connection: Connection,
    where: Filter | None,
    column: Column[Any],
    *,
    descending: bool,
    after: Place | None,
    limit: int,
) -> tuple[list[Item], Place | None]:
    """Return the items of a page, and the place of its last one if there are more, else None.

    Failed items are left out. Items without a value in the column come last. A page is found by the place where the
    former one ended, so that the last page takes as long as the first.

    Args:
        connection: Open connection.
        where: Filter; None lets everything pass.
        column: The column that orders the items; equal values are ordered by item id.
        descending: Whether the order is reversed, that of equal values too.
        after: The place where the former page ended; None for the first page.
        limit: Number of items, at least 1.
    """
    columns = (ITEMS.c.id, ITEMS.c.path, ITEMS.c.picture, ITEMS.c.modality, column.label("key"))
    indexed = select(*columns, *(ITEMS.c[name] for name in _SAME_NAME)).where(ITEMS.c.failure.is_(None))
    statement = indexed if where is None else indexed.where(_condition_of_page(connection, where))
    rows: list[Any] = []
    for page in _pages(statement, column, after, descending=descending):
        if len(rows) <= limit:
            rows += connection.execute(page.limit(limit + 1 - len(rows))).all()
    labels = {name: labels_of(connection, column, [row.id for row in rows[:limit]]) for name, column in LABELS.items()}
    items = [_item(row, {name: texts.get(row.id, ()) for name, texts in labels.items()}) for row in rows[:limit]]
    return items, Place(rows[limit - 1].key, rows[limit - 1].id) if len(rows) > limit else None


def count_items(connection: Connection, where: Filter | None) -> int:
    """Return how many items pass a filter; failed items are not counted."""
    if where is None:
        return sum(indexed for indexed, _ in count_by_kind(connection).values())
    condition = _condition(where)
    total = connection.scalar(select(func.count()).select_from(ITEMS).where(condition)) or 0
    # counted apart: the index that finds the items does not say which of them failed
    failed = select(func.count()).select_from(ITEMS).where(ITEMS.c.failure.is_not(None), _tested_per_row(condition))
    return total - (connection.scalar(failed) or 0)


def taken_years(connection: Connection) -> range:
    """Return the years from the oldest item to the newest, at most the last 100; none without dates."""
    ends = [connection.scalar(select(end(ITEMS.c.taken_at))) for end in (func.min, func.max)]
    if ends[0] is None or ends[1] is None:
        return range(0)
    return range(max(ends[0].year, ends[1].year - 99), ends[1].year + 1)


def _pages(
    statement: Select[Any], column: Column[Any], after: Place | None, *, descending: bool
) -> Iterator[Select[Any]]:
    """Yield the statements whose rows follow a place: those with a value in the column, then those without."""
    order = (column, ITEMS.c.id)
    if after is None or after.key is not None:
        page = statement.order_by(*(key.desc() if descending else key for key in order))
        if column.nullable:
            page = page.where(column.is_not(None))
        if after is not None:
            place = tuple_(literal(after.key, column.type), literal(after.item_id))
            page = page.where(tuple_(*order) < place if descending else tuple_(*order) > place)
        yield page
    if column.nullable:
        page = statement.where(column.is_(None)).order_by(ITEMS.c.id.desc() if descending else ITEMS.c.id)
        if after is not None and after.key is None:
            page = page.where(ITEMS.c.id < after.item_id if descending else ITEMS.c.id > after.item_id)
        yield page


def _condition_of_page(connection: Connection, where: Filter) -> ColumnElement[bool]:
    """Return the condition of a filter for a page of an order.

    SQLite finds the matches by an index and sorts all of them for each page. That is fast for few matches; for many it
    must walk along the order and test each item.
    """
    condition = _condition(where)
    matches = select(ITEMS.c.id).where(condition).limit(_MANY).subquery()
    count = connection.scalar(select(func.count()).select_from(matches)) or 0
    return condition if count < _MANY else _tested_per_row(_condition(where, is_tested_per_row=True))


def _condition(where: Filter, *, is_tested_per_row: bool = False) -> ColumnElement[bool]:
    """Return the condition of a filter on the table items alone."""

    def of_item(criterion: Criterion) -> Filter:
        if isinstance(criterion, Label | Metadata):
            return Term(replace(criterion, as_subquery=not is_tested_per_row))
        return Term(_ItemKind(criterion.kind) if isinstance(criterion, Kind) else criterion)

    return where.transform(of_item).condition()


def _tested_per_row(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition in a form for which SQLite looks for no index."""
    return case((condition, 1), else_=0) == 1


@dataclass(frozen=True, slots=True)
class _ItemKind:
    """The item is a photo or a text."""

    kind: Modality

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        return ITEMS.c.modality == self.kind


def _item(row: Any, labels: Mapping[str, tuple[str, ...]]) -> Item:
    """Return an item with its labels by the name of the field."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _SAME_NAME} | dict(labels)
    path = Path(file_of(row.path, row.picture))
    return Item(item_id=row.id, path=path, row=row_of(row.path), kind=Modality(row.modality), **values)
