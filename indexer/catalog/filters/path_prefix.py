"""Conditions on paths that can use an index on the path."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import ColumnElement, and_, or_


def at_or_under(column: Any, folder: str) -> ColumnElement[bool]:
    """Return the condition that a path is `folder`, is below it or is a row of it, as ranges that use an index."""
    start, end = path_range(folder)
    return or_(column == folder, and_(column > start, column < end), _is_row(column, folder))


def _is_row(column: Any, table: str) -> ColumnElement[bool]:
    """Return the condition that a path is a row of `table`; see `indexer.types.row_of`."""
    start, end = row_range(table)
    return and_(column > start, column < end)


def row_range(table: str) -> tuple[str, str]:
    """Return the exclusive bounds of the paths of a table's rows, or of a collection's items."""
    return f"{table}\0", f"{table}\1"


def path_range(folder: str) -> tuple[str, str]:
    """Return the exclusive bounds of the paths below a folder."""
    start = folder if folder.endswith(os.sep) else folder + os.sep
    return start, start[:-1] + chr(ord(os.sep) + 1)
