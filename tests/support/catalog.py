"""What tests of the catalog fill it with."""

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

NOON = datetime.fromisoformat("2024-05-01T12:00")  # cameras know no zone
NO_TEXT = os.fsdecode(b"/photos/caf\xe9/\xff\xfe.jpg")  # Latin-1 and worse: bytes that are no UTF-8


def add(
    connection: Connection,
    root: str,
    *,
    enclosing: Source | None = None,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
) -> Source:
    return sources.add_source(connection, root, exclude=exclude, include_hidden=include_hidden, enclosing=enclosing)


def row(source: Source, path: str, **values: Any) -> dict[str, Any]:
    """Return an item's columns: those every item has, and those given."""
    return {
        "source_id": source.id,
        "path": path,
        "modality": "photo",
        "size": 1,
        "mtime_ns": 1,
        "indexed_at": NOON,
        **values,
    }


def save(connection: Connection, source: Source, *paths: str, **values: Any) -> list[int]:
    return writes.save_items(connection, [row(source, path, **values) for path in paths])


def known_paths(connection: Connection, root: str) -> list[str]:
    return [item.path for item in sync_state.file_records(connection, root)]


def count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def embed(connection: Connection, source: Source, encoder: EncoderRecord, n: int, **values: Any) -> list[int]:
    """Save n items /photos/00, /photos/01, … with embeddings, and return the ids of these."""
    items = save(connection, source, *(f"/photos/{number:02}" for number in range(n)), **values)
    before = connection.scalar(select(func.max(EMBEDDINGS.c.id))) or 0
    writes.add_embeddings(connection, items, encoder.id, HALVES[np.arange(n) % 16])
    return list(connection.scalars(select(EMBEDDINGS.c.id).where(EMBEDDINGS.c.id > before).order_by(EMBEDDINGS.c.id)))
