"""Types of columns."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator


class PathBytes(TypeDecorator[str]):
    """A path stored as file system bytes: names may be invalid UTF-8, and bytes sort in the order of the walk."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return a path as bytes."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return bytes as a path; invalid UTF-8 becomes surrogates, as in the `os` module."""
        return None if value is None else os.fsdecode(value)
