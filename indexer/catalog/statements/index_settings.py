"""What people asked of a library's index: it outlives the files that were made for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from indexer.catalog.schema import META

KEY = "index"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What an index has to be.

    Attributes:
        recall: Of the ten best, the part that it finds at least.
        memory: Bytes that it takes at most; None for no limit.
        failed: How many embeddings there were when no index was that; None where one is.
    """

    recall: float
    memory: int | None = None
    failed: int | None = None


def read_index_settings(connection: Connection) -> IndexSettings | None:
    """Return what was asked for, None where nothing was."""
    value = connection.scalar(select(META.c.value).where(META.c.key == KEY))
    return None if value is None else IndexSettings(**json.loads(value))


def save_index_settings(connection: Connection, wish: IndexSettings) -> None:
    """Keep what was asked for."""
    connection.execute(delete(META).where(META.c.key == KEY))
    connection.execute(insert(META).values(key=KEY, value=json.dumps(asdict(wish))))
