"""Statements that read and store the settings of a library's index, which outlive the index files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from indexer.catalog.schema import META

_KEY = "index"
_SERVER_KEY = "server_index"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Requirements for a library's index.

    Attributes:
        recall: Smallest recall of the ten best hits, 0 to 1.
        memory: Largest size in bytes; None for no limit.
        failed: Number of embeddings at the last attempt that found no suitable index; None if it found one.
    """

    recall: float
    memory: int | None = None
    failed: int | None = None


def read_index_settings(connection: Connection) -> IndexSettings | None:
    """Return the settings, or None if there are none."""
    value = connection.scalar(select(META.c.value).where(META.c.key == _KEY))
    return None if value is None else IndexSettings(**json.loads(value))


def save_index_settings(connection: Connection, settings: IndexSettings) -> None:
    """Store the settings in place of the previous ones."""
    connection.execute(delete(META).where(META.c.key == _KEY))
    connection.execute(insert(META).values(key=_KEY, value=json.dumps(asdict(settings))))


def read_server_index(connection: Connection) -> dict[str, Any] | None:
    """Return what `save_server_index` stored, or None."""
    value = connection.scalar(select(META.c.value).where(META.c.key == _SERVER_KEY))
    return None if value is None else dict(json.loads(value))


def save_server_index(connection: Connection, values: Mapping[str, Any] | None) -> None:
    """Store how the index in the server was chosen, in values for JSON; None deletes it."""
    connection.execute(delete(META).where(META.c.key == _SERVER_KEY))
    if values is not None:
        connection.execute(insert(META).values(key=_SERVER_KEY, value=json.dumps(values)))
