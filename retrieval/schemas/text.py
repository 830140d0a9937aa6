"""Text that JSON can carry: the names of some files are not UTF-8. And times as text."""

from __future__ import annotations

import re
from datetime import datetime

_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")
"""A byte of a file name that is not UTF-8, as `plain` writes it."""


def plain(text: str) -> str:
    """Return text that JSON can carry: bytes of a file name that are not UTF-8 are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def stored_id(id_: str) -> str:
    """Return the id of which `plain` has made this one."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), id_)


def utc_text(time: datetime | None) -> str | None:
    """Return a time of the catalog, which is in UTC and does not say so, in ISO 8601 with a Z."""
    return None if time is None else f"{time.isoformat()}Z"
