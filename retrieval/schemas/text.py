"""Text that JSON can carry: the names of some files are not UTF-8."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")
"""A byte of a file name that is not UTF-8, as `plain` writes it."""


def plain(text: str) -> str:
    """Return text that JSON can carry: bytes of a file name that are not UTF-8 are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def stored_id(id_: str) -> str:
    """Return the id of which `plain` has made this one."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), id_)
