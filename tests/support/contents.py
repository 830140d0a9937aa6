"""The contents of a library, read with its database alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from retrieval import Library
from tests.support import postgresql_rows

Place = Path | str
"""What `Library.open` takes: a folder, or the URL of a library in PostgreSQL."""


def catalog_file(library: Place | Library) -> Path | None:
    """Return the file of a catalog in a folder; None if it is in PostgreSQL."""
    name = _name(library)
    return None if name.startswith("postgresql:") else Path(name, "catalog.db")


def picture_files(library: Place | Library) -> list[Path]:
    """Return the files of a library's stored pictures; in PostgreSQL there are none."""
    file = catalog_file(library)
    return [path for path in (file.parent / "pictures").rglob("*") if path.is_file()] if file else []


def lose_picture(library: Place | Library) -> None:
    """Delete the large stored picture, of which there is one: its file, or in PostgreSQL its bytes."""
    if catalog_file(library):
        (file,) = picture_files(library)
        file.unlink()
    else:
        largest = "(SELECT max(length(data)) FROM item_pictures)"
        rows(library, f"UPDATE item_pictures SET data = NULL WHERE length(data) = {largest}")  # noqa: S608


def rows(library: Place | Library, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a statement on a library's catalog, as SQLite stores their values; changes are committed."""
    if (file := catalog_file(library)) is None:
        return postgresql_rows.rows(_name(library), statement, *values)
    place = f"{file.absolute().as_uri()}?mode=rw"  # a wrong path makes no new file
    with closing(sqlite3.connect(place, timeout=30, isolation_level=None, uri=True)) as catalog:
        return catalog.execute(statement, values).fetchall()


def count(library: Place | Library, table: str) -> int:
    """Return the number of rows of a table, 0 if it does not exist."""
    if not _has_table(library, table):
        return 0
    ((number,),) = rows(library, f"SELECT count(*) FROM {table}")  # noqa: S608  tables of the catalog
    return int(number)


def contents(library: Place | Library) -> list[tuple[Any, ...]]:
    """Return the path, content hash, failure and embedding of every item, by path; equal for equal libraries."""
    return rows(
        library,
        "SELECT path, content_hash, failure, position, vector FROM items LEFT JOIN units ON item_id = items.id "
        "LEFT JOIN embeddings ON unit_id = units.id ORDER BY path, position",
    )


def _has_table(library: Place | Library, table: str) -> bool:
    if (file := catalog_file(library)) is None:
        return rows(library, "SELECT to_regclass(?)", table) != [(None,)]
    return file.exists() and bool(rows(library, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table))


def _name(library: Place | Library) -> str:
    return library.name if isinstance(library, Library) else str(library)
