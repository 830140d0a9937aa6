"""Statements that list and count items without a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, bindparam, case, func, literal, select, tuple_

from indexer.catalog.filters.criteria import Criterion, Kind
from indexer.catalog.filters.expression import Filter, Term
from indexer.catalog.filters.metadata import Metadata
from indexer.catalog.filters.patterns import Label
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements.counts import count_by_kind
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.item import ITEM_COLUMNS, Item, PictureSource, items_of
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import (
    Modality,
    added_path,
    paths_of_id,
)


class Place(NamedTuple):
    """A place in an order of items: the last item of a page.

    Attributes:
        key: Its value in the column of the order; None if it has none.
        item_id: Its id, which orders items with equal values.
    """

    key: Any
    item_id: int


_ITEMS_AT = select(*ITEM_COLUMNS).where(ITEMS.c.path.in_(bindparam("paths", expanding=True)), ITEMS.c.failure.is_(None))
"""Made once: making it takes longer than reading one item."""

_ITEMS_NUMBERED = select(*ITEM_COLUMNS).where(
    ITEMS.c.id.in_(bindparam("numbers", expanding=True)), ITEMS.c.failure.is_(None)
)

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
    encoder: EncoderRecord | None = None,
    pictures: PictureSource | None = None,
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
        encoder: The encoder whose vectors the items get; None for no vectors.
        pictures: What opens the pictures of the items.
    """
    indexed = select(column.label("key"), *ITEM_COLUMNS).where(ITEMS.c.failure.is_(None))
    statement = indexed if where is None else indexed.where(_condition_of_page(connection, where))
    rows: list[Any] = []
    for page in _pages(statement, column, after, descending=descending):
        if len(rows) <= limit:
            rows += connection.execute(page.limit(limit + 1 - len(rows))).all()
    items = items_of(connection, rows[:limit], encoder, pictures)
    return items, Place(rows[limit - 1].key, rows[limit - 1].id) if len(rows) > limit else None


def get_items(
    connection: Connection,
    ids: Sequence[str],
    collections: Sequence[str],
    encoder: EncoderRecord | None,
    *,
    with_files: bool,
    pictures: PictureSource | None = None,
) -> list[Item]:
    """Return items by what names them for apps, in the order of `ids`; unknown ones are left out.

    Args:
        connection: Open connection.
        ids: The ids of added items, or what `indexer.types.item_id` returns for other items.
        collections: The collections to look in.
        encoder: The encoder whose vectors the items get; None for no vectors.
        with_files: Whether to look for items that no app added, too.
        pictures: What opens the pictures of the items.
    """
    paths: dict[str, None] = {}
    for id_ in ids:
        paths |= dict.fromkeys(added_path(name, id_) for name in collections)
        paths |= dict.fromkeys(paths_of_id(id_) if with_files else ())
    names = list(paths)
    rows: dict[str, Any] = {}
    for start in range(0, len(names), PAGE_SIZE):
        page = connection.execute(_ITEMS_AT, {"paths": names[start : start + PAGE_SIZE]})
        rows |= {row.path: row for row in page}
    return items_of(connection, [rows[path] for path in names if path in rows], encoder, pictures)


def items_numbered(
    connection: Connection,
    item_ids: Sequence[int],
    encoder: EncoderRecord | None = None,
    *,
    pictures: PictureSource | None = None,
) -> list[Item]:
    """Return items by their ids in the catalog, in the order of `item_ids`; unknown and failed ones are left out.

    Args:
        connection: Open connection.
        item_ids: Ids in the catalog.
        encoder: The encoder whose vectors the items get; None for no vectors.
        pictures: What opens the pictures of the items.
    """
    numbers = list(dict.fromkeys(item_ids))
    rows: dict[int, Any] = {}
    for start in range(0, len(numbers), PAGE_SIZE):
        page = connection.execute(_ITEMS_NUMBERED, {"numbers": numbers[start : start + PAGE_SIZE]})
        rows |= {row.id: row for row in page}
    return items_of(connection, [rows[number] for number in numbers if number in rows], encoder, pictures)


def count_items(connection: Connection, where: Filter | None) -> int:
    """Return how many items pass a filter; failed items are not counted."""
    if where is None:
        return sum(indexed for indexed, _ in count_by_kind(connection).values())
    condition = item_condition(where)
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
    condition = item_condition(where)
    matches = select(ITEMS.c.id).where(condition).limit(_MANY).subquery()
    count = connection.scalar(select(func.count()).select_from(matches)) or 0
    return condition if count < _MANY else _tested_per_row(item_condition(where, is_tested_per_row=True))


def item_condition(where: Filter, *, is_tested_per_row: bool = False) -> ColumnElement[bool]:
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
