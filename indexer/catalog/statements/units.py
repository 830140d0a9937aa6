"""Statements about units: what they are made of, and their embeddings under any encoder of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, insert, select

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.types import Ids, Modality, Vectors, file_of

PAGE_SIZE = 5000
"""Units per statement: SQLite takes a limited number of values."""


class UnitContent(NamedTuple):
    """What a unit is made of, and the state of its file when it was indexed."""

    unit_id: int
    kind: Modality
    text: str | None
    path: str
    size: int
    mtime_ns: int


def unit_contents(connection: Connection, unit_ids: Sequence[int]) -> dict[int, UnitContent]:
    """Return what units are made of, by unit id; units that are gone are left out."""
    columns = (UNITS.c.id, UNITS.c.kind, UNITS.c.text, ITEMS.c.path, ITEMS.c.size, ITEMS.c.mtime_ns, ITEMS.c.picture)
    statement = select(*columns).join_from(UNITS, ITEMS)
    found = {}
    for wanted in _pages(unit_ids):
        for row in connection.execute(statement.where(UNITS.c.id.in_(wanted))):
            file = file_of(row.path, row.picture)
            found[row.id] = UnitContent(row.id, Modality(row.kind), row.text, file, row.size, row.mtime_ns)
    return found


def unit_vectors(
    connection: Connection, encoder_id: int, dim: int, unit_ids: Sequence[int], *, own: bool = False
) -> tuple[Ids, Vectors]:
    """Return unit ids (n,) and their embeddings under an encoder as they are kept, shape (n, dim), float32.

    Units without one are left out, and those whose bytes are no vector; with `own` also those whose embedding is
    mapped from another encoder's.
    """
    statement = select(EMBEDDINGS.c.unit_id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    if own:
        statement = statement.where(EMBEDDINGS.c.mapped.is_(False))
    good: list[Row[*tuple[Any, ...]]] = []
    for wanted in _pages(unit_ids):
        rows = connection.execute(statement.where(EMBEDDINGS.c.unit_id.in_(wanted)))
        good += [row for row in rows if len(row.vector) == dim * VECTOR_DTYPE.itemsize]
    raw = np.frombuffer(b"".join(row.vector for row in good), dtype=VECTOR_DTYPE).reshape(len(good), dim)
    return np.fromiter((row.unit_id for row in good), dtype=np.int64, count=len(good)), raw.astype(np.float32)


def save_embeddings(
    connection: Connection, encoder_id: int, encoded: Mapping[int, Vectors], made_of: Mapping[int, UnitContent]
) -> None:
    """Keep embeddings of units under an encoder that is not the library's own.

    Ids of units are used again: one that is not made of the same any more is passed over.

    Args:
        connection: Open connection, in a transaction.
        encoder_id: The encoder that made them.
        encoded: Unit vectors by unit id, shape (d,), float32.
        made_of: What the units were when they were encoded.
    """
    now = unit_contents(connection, list(encoded))
    rows: list[dict[str, Any]] = [
        {"unit_id": unit_id, "encoder_id": encoder_id, "vector": vector.astype(VECTOR_DTYPE).tobytes(), "mapped": False}
        for unit_id, vector in encoded.items()
        if now.get(unit_id) == made_of[unit_id]
    ]
    if rows:
        connection.execute(
            insert(EMBEDDINGS).prefix_with("OR REPLACE"), rows
        )  # what was there could not be read, or was mapped


def _pages(unit_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (unit_ids[start : start + PAGE_SIZE] for start in range(0, len(unit_ids), PAGE_SIZE))
