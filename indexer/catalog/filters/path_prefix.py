"""Conditions on paths that an index of paths serves."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import ColumnElement, and_, or_


def at_or_under(column: Any, folder: str) -> ColumnElement[bool]:
    """Return the condition "is `folder`, lies in it or is a row of it", as ranges that an index of paths serves."""
    inside, behind = path_range(folder)
    return or_(column == folder, and_(column > inside, column < behind), _is_row(column, folder))


def _is_row(column: Any, table: str) -> ColumnElement[bool]:
    """Return the condition "is a row of `table`"; see `indexer.types.row_of`."""
    return and_(column > f"{table}\0", column < f"{table}\1")


def path_range(folder: str) -> tuple[str, str]:
    """Return what the paths in a folder are greater than, and what they are less than."""
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return inside, inside[:-1] + chr(ord(os.sep) + 1)
