"""The contents of a library, read with its database alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support import postgresql_rows

Place = Path | str
"""What `Library.open` takes: a folder, or the URL of a library in PostgreSQL."""


def rows(library: Place, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement on a library's catalog, as SQLite stores their values; changes are committed."""
    if isinstance(library, str):
        return postgresql_rows.rows(library, statement, *values)
    with closing(sqlite3.connect(library / "catalog.db", timeout=30, isolation_level=None)) as catalog:
        return catalog.execute(statement, values).fetchall()


def count(library: Place, table: str) -> int:
    """Return the number of rows of a table, 0 if it does not exist."""
    if not _has_table(library, table):
        return 0
    ((number,),) = rows(library, f"SELECT count(*) FROM {table}")  # noqa: S608  tables of the catalog
    return int(number)


def contents(library: Place) -> list[tuple[Any, ...]]:
    """Return the path, content hash, failure and embedding of every item, by path; equal for equal libraries."""
    return rows(
        library,
        "SELECT path, content_hash, failure, position, vector FROM items LEFT JOIN units ON item_id = items.id "
        "LEFT JOIN embeddings ON unit_id = units.id ORDER BY path, position",
    )


def _has_table(library: Place, table: str) -> bool:
    if isinstance(library, str):
        return rows(library, "SELECT to_regclass(?)", table) != [(None,)]
    return (library / "catalog.db").exists() and bool(
        rows(library, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table)
    )
