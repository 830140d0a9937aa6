"""Short ways to fill and read a catalog in tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, func, select

from indexer.catalog.schema import EMBEDDINGS
from indexer.catalog.statements import sources, sync_state, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from tests.support.vectors import HALVES

NOON = datetime.fromisoformat("2024-05-01T12:00")  # cameras record local time
INVALID_UTF8 = os.fsdecode(b"/photos/caf\xe9/\xff\xfe.jpg")  # Latin-1, and bytes that are invalid in any encoding


def add_source(
    connection: Connection,
    root: str,
    *,
    enclosing: Source | None = None,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
) -> Source:
    """Add a source and return it."""
    return sources.add_source(connection, root, exclude=exclude, include_hidden=include_hidden, enclosing=enclosing)


def item_row(source: Source, path: str, **values: Any) -> dict[str, Any]:
    """Return the columns of an item: required ones with defaults, and those given."""
    return {
        "source_id": source.id,
        "path": path,
        "modality": "photo",
        "size": 1,
        "mtime_ns": 1,
        "indexed_at": NOON,
        **values,
    }


def save_items(connection: Connection, source: Source, *paths: str, **values: Any) -> list[int]:
    """Save photos at paths, with the same columns, and return their ids."""
    return writes.save_items(connection, [item_row(source, path, **values) for path in paths])


def stored_paths(connection: Connection, root: str) -> list[str]:
    """Return the paths of the items at or under a path."""
    return [item.path for item in sync_state.file_records(connection, root)]


def count_rows(connection: Connection, table: Table) -> int:
    """Return the number of rows of a table."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def save_embedded(connection: Connection, source: Source, encoder: EncoderRecord, n: int, **values: Any) -> list[int]:
    """Save n photos /photos/00, /photos/01, … with embeddings, and return the embeddings' ids."""
    items = save_items(connection, source, *(f"/photos/{number:02}" for number in range(n)), **values)
    before = connection.scalar(select(func.max(EMBEDDINGS.c.id))) or 0
    writes.add_embeddings(connection, items, encoder.id, HALVES[np.arange(n) % 16])
    return list(connection.scalars(select(EMBEDDINGS.c.id).where(EMBEDDINGS.c.id > before).order_by(EMBEDDINGS.c.id)))
