"""Which database a library is in, and what its full-text search looks for."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection


def is_postgresql(connection: Connection) -> bool:
    """Return whether the library is in PostgreSQL, not in a folder."""
    return connection.dialect.name == "postgresql"


class Phrase(NamedTuple):
    """What full-text search looks for: words of a text in their order, mostly a single one.

    Attributes:
        text: The words.
        is_beginning: Whether the last one may be the beginning of a longer one.
    """

    text: str
    is_beginning: bool = False
