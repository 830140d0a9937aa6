"""The contents of a library, read with SQLite alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(library: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement on a library's catalog; changes are committed."""
    with closing(sqlite3.connect(library / "catalog.db", timeout=30, isolation_level=None)) as catalog:
        return catalog.execute(statement, values).fetchall()


def count(library: Path, table: str) -> int:
    """Return the number of rows of a table, 0 if it does not exist."""
    if not (library / "catalog.db").exists() or not rows(
        library, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table
    ):
        return 0
    ((number,),) = rows(library, f"SELECT count(*) FROM {table}")  # noqa: S608  tables of the catalog
    return int(number)


def contents(library: Path) -> list[tuple[Any, ...]]:
    """Return the path, content hash, failure and embedding of every item, by path; equal for equal libraries."""
    return rows(
        library,
        "SELECT path, content_hash, failure, position, vector FROM items LEFT JOIN units ON item_id = items.id "
        "LEFT JOIN embeddings ON unit_id = units.id ORDER BY path, position",
    )
