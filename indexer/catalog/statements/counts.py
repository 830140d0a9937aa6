"""Statements that count items and list failures, at a path or in the whole catalog."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from indexer.catalog.filters.path_prefix import at_or_under, path_range
from indexer.catalog.schema import ITEMS, SOURCES, UNREAD_SIDECARS
from indexer.types import Modality, file_of, is_below, row_of


class Failure(NamedTuple):
    """A file or table row that could not be indexed, or a photo's sidecar that could not be read, and why."""

    path: str
    kind: str
    message: str
    row: str | None = None

    @property
    def location(self) -> str:
        """File and row for display."""
        return self.path if self.row is None else f"{self.path}: {self.row}"


def failures(
    connection: Connection, root: str | None = None, *, source_id: int | None = None, limit: int | None = None
) -> Iterator[Failure]:
    """Yield the files that could not be indexed, ordered by path; optionally at or under `root`, and of one source."""
    columns = (ITEMS.c.path, ITEMS.c.source_id, ITEMS.c.failure, ITEMS.c.failure_message)
    statement = select(*columns).where(ITEMS.c.failure.is_not(None)).order_by(ITEMS.c.path)
    if root is not None:
        statement = statement.where(ITEMS.c.path >= root, ITEMS.c.path < path_range(root)[1])
    # filtered in Python: with more conditions SQLite would not use the index of failures but read the whole source
    rows = (
        row
        for row in connection.execute(statement)
        if source_id in (None, row.source_id) and (root is None or _is_at(file_of(row.path), root))
    )
    for row in islice(rows, limit):
        yield Failure(file_of(row.path), row.failure or "", row.failure_message or "", row_of(row.path))


def unread_sidecars(
    connection: Connection, root: str | None = None, *, source_id: int | None = None, limit: int | None = None
) -> Iterator[Failure]:
    """Yield the sidecars that could not be read, ordered by path; optionally of photos at `root`, and of one source."""
    columns = (ITEMS.c.path.label("item"), ITEMS.c.source_id, UNREAD_SIDECARS)
    statement = select(*columns).join_from(UNREAD_SIDECARS, ITEMS).order_by(UNREAD_SIDECARS.c.path)
    sidecars = {  # several photos may share one; filtered in Python for the same reason as failures
        row.path: Failure(row.path, row.kind, row.message)
        for row in connection.execute(statement)
        if source_id in (None, row.source_id) and (root is None or _is_at(file_of(row.item), root))
    }
    yield from islice(sidecars.values(), limit)


def count_unread_sidecars(connection: Connection) -> int:
    """Return how many sidecars could not be read."""
    return connection.scalar(select(func.count(UNREAD_SIDECARS.c.path.distinct()))) or 0


def _is_at(file: str, root: str) -> bool:
    return file == root or is_below(file, root)


def has_items(connection: Connection, root: str) -> bool:
    """Return whether the catalog has an item at or under `root`."""
    return connection.scalar(select(ITEMS.c.id).where(at_or_under(ITEMS.c.path, root)).limit(1)) is not None


def has_indexed(connection: Connection, root: str, source_id: int | None) -> bool:
    """Return whether an item at or under `root`, optionally of one source, is indexed."""
    indexed = select(ITEMS.c.id).where(ITEMS.c.failure.is_(None), at_or_under(ITEMS.c.path, root))
    if source_id is not None:
        indexed = indexed.where(ITEMS.c.source_id == source_id)
    return connection.scalar(indexed.limit(1)) is not None


def count_items(connection: Connection, root: str, *, source_id: int | None = None) -> tuple[int, int]:
    """Return how many items at or under `root` are indexed and how many failed, optionally of one source."""
    statement = select(func.count(), func.count(ITEMS.c.failure)).where(at_or_under(ITEMS.c.path, root))
    if source_id is not None:
        statement = statement.where(ITEMS.c.source_id == source_id)
    total, failed = connection.execute(statement).one()
    return total - failed, failed


def newest_item(connection: Connection) -> int:
    """Return the highest id of an item, 0 without items."""
    return connection.scalar(select(func.max(ITEMS.c.id))) or 0


def count_by_kind(connection: Connection) -> dict[Modality, tuple[int, int]]:
    """Return how many items of each kind are indexed, and how many failed."""
    # without a condition SQLite adds up the row counts of its pages: 3 ms for a million, while counting photos takes 60
    total = connection.scalar(select(func.count()).select_from(ITEMS)) or 0
    texts = _count(connection, Modality.TEXT)
    failed = {kind: _count(connection, kind, ITEMS.c.failure.is_not(None)) for kind in Modality}
    totals = {Modality.PHOTO: total - texts, Modality.TEXT: texts}
    return {kind: (count - failed[kind], failed[kind]) for kind, count in totals.items()}


def _count(connection: Connection, kind: Modality, *conditions: ColumnElement[bool]) -> int:
    """Return how many items of a kind there are, adding up the sources: each count uses an index."""
    of_source = select(func.count()).where(ITEMS.c.source_id == SOURCES.c.id, ITEMS.c.modality == kind, *conditions)
    return int(connection.scalar(select(func.sum(of_source.scalar_subquery())).select_from(SOURCES)) or 0)
