"""Statements that read the rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from indexer.catalog.schema import ITEMS
from indexer.catalog.statements.items import PAGE_SIZE


class RowRecord(NamedTuple):
    """A table row's record in the catalog."""

    id: int
    path: str
    content_hash: bytes | None
    failure: str | None


def row_records(connection: Connection, table: str) -> Iterator[RowRecord]:
    """Yield the records of a table's rows, in the byte order of their paths, reading page by page."""
    columns = select(*(ITEMS.c[name] for name in RowRecord._fields))
    last = f"{table}\0"
    while True:
        page = columns.where(ITEMS.c.path > last, ITEMS.c.path < f"{table}\1").order_by(ITEMS.c.path).limit(PAGE_SIZE)
        rows = connection.execute(page).all()
        yield from (RowRecord._make(row) for row in rows)
        if len(rows) < PAGE_SIZE:
            return
        last = rows[-1].path


def rows_by_path(connection: Connection, paths: Sequence[str]) -> dict[str, RowRecord]:
    """Return the records of rows by path."""
    statement = select(*(ITEMS.c[name] for name in RowRecord._fields)).where(ITEMS.c.path.in_(paths))
    return {row.path: RowRecord._make(row) for row in connection.execute(statement)}
