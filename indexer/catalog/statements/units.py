"""Statements that read and store units: their content, and their embeddings under any encoder of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, func, select

from indexer.catalog.constructs import insert_or_replace
from indexer.catalog.schema import EMBEDDINGS, ITEM_PICTURES, ITEMS, UNITS
from indexer.catalog.statements.items import VECTOR_DTYPE, decode_vectors, has_dim
from indexer.types import Ids, Modality, Vectors, file_of

_PAGE_SIZE = 5000
"""Units per statement: SQLite limits the number of parameters."""


class UnitContent(NamedTuple):
    """The content of a unit, and the stat of its file when it was indexed; `is_stored` if its picture is stored."""

    unit_id: int
    kind: Modality
    text: str | None
    path: str
    size: int
    mtime_ns: int
    item_id: int = 0
    is_stored: bool = False


def unit_contents(connection: Connection, unit_ids: Sequence[int]) -> dict[int, UnitContent]:
    """Return the content of units by unit id, leaving out units that no longer exist."""
    columns = (UNITS.c.id, UNITS.c.kind, UNITS.c.text, ITEMS.c.path, ITEMS.c.size, ITEMS.c.mtime_ns, ITEMS.c.picture)
    stored = ITEM_PICTURES.c.item_id.label("stored")
    statement = select(*columns, UNITS.c.item_id, stored).join_from(UNITS, ITEMS)
    statement = statement.join(ITEM_PICTURES, ITEM_PICTURES.c.item_id == ITEMS.c.id, isouter=True)
    contents = {}
    for page in _pages(unit_ids):
        for row in connection.execute(statement.where(UNITS.c.id.in_(page))):
            file = file_of(row.path, row.picture)
            content = (row.id, Modality(row.kind), row.text, file, row.size, row.mtime_ns)
            contents[row.id] = UnitContent(*content, row.item_id, row.stored is not None)
    return contents


def first_unit_ids(connection: Connection, item_ids: Sequence[int]) -> dict[int, int]:
    """Return the first unit of each item by item id; items without units are left out."""
    statement = select(UNITS.c.item_id, func.min(UNITS.c.id)).group_by(UNITS.c.item_id)
    pages = (connection.execute(statement.where(UNITS.c.item_id.in_(page))) for page in _pages(item_ids))
    return {item_id: unit_id for page in pages for item_id, unit_id in page}


def unit_vectors(
    connection: Connection, encoder_id: int, dim: int, unit_ids: Sequence[int], *, include_approximate: bool = True
) -> tuple[Ids, Vectors]:
    """Return unit ids (n,) and their embeddings under an encoder as stored, shape (n, dim), float32.

    Units without an embedding, or with a damaged one, are left out.

    Args:
        connection: Open connection.
        encoder_id: The encoder.
        dim: Length of its vectors.
        unit_ids: The units.
        include_approximate: Whether to return approximate embeddings too.
    """
    statement = select(EMBEDDINGS.c.unit_id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    if not include_approximate:
        statement = statement.where(EMBEDDINGS.c.mapped.is_(False))
    rows: list[Row[*tuple[Any, ...]]] = []
    for page in _pages(unit_ids):
        result = connection.execute(statement.where(EMBEDDINGS.c.unit_id.in_(page)))
        rows += [row for row in result if has_dim(row.vector, dim)]
    ids = np.fromiter((row.unit_id for row in rows), dtype=np.int64, count=len(rows))
    return ids, decode_vectors([row.vector for row in rows], dim)


def save_embeddings(
    connection: Connection, encoder_id: int, vectors: Mapping[int, Vectors], contents: Mapping[int, UnitContent]
) -> int:
    """Store embeddings of existing units, replacing any they have under the encoder, and return how many.

    Each gets a new id, by which an index notices the change. SQLite reuses ids of units, so a unit whose content has
    changed since it was encoded is skipped.

    Args:
        connection: Open connection, in a transaction.
        encoder_id: The encoder that computed the vectors.
        vectors: Unit-length vectors by unit id, shape (d,), float32.
        contents: The content of the units when they were encoded.
    """
    current = unit_contents(connection, list(vectors))
    rows: list[dict[str, Any]] = [
        {"unit_id": unit_id, "encoder_id": encoder_id, "vector": vector.astype(VECTOR_DTYPE).tobytes(), "mapped": False}
        for unit_id, vector in vectors.items()
        if current.get(unit_id) == contents[unit_id]
    ]
    if rows:  # an existing embedding is approximate, or damaged
        connection.execute(insert_or_replace(connection, EMBEDDINGS, ("unit_id", "encoder_id")), rows)
    return len(rows)


def _pages(unit_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (unit_ids[start : start + _PAGE_SIZE] for start in range(0, len(unit_ids), _PAGE_SIZE))
