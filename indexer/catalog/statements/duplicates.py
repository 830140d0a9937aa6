"""Statements about photos that may be copies of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from indexer.catalog.filters.expression import Filter, where_conditions
from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import Ids, Modality

_DESCRIBING = ("latitude", "camera", "lens", "rating", "title", "description")
"""Columns that a copy loses when a program strips it of its metadata."""


class PhotoFile(NamedTuple):
    """A photo's file as it was indexed.

    Attributes:
        item_id: The item.
        path: Where the picture is.
        size: Bytes of the file.
        mtime_ns: When it was changed.
        width: Pixels across, upright.
        height: Pixels down, upright.
        format: For instance "JPEG".
        taken_at: When it was taken.
        metadata_count: Metadata fields that are filled.
    """

    item_id: int
    path: str
    size: int
    mtime_ns: int
    width: int
    height: int
    format: str | None
    taken_at: datetime | None
    metadata_count: int


def photo_embeddings(connection: Connection, encoder_id: int, where: Filter | None) -> tuple[Ids, Ids]:
    """Return the photos that pass the filters: item ids, ascending, and the embedding of each, both shape (n,)."""
    statement = (
        select(ITEMS.c.id, EMBEDDINGS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, UNITS.c.kind == Modality.PHOTO, *where_conditions(where))
        .order_by(ITEMS.c.id, EMBEDDINGS.c.id)
    )
    rows = [tuple(row) for row in connection.execute(statement)]
    both = np.array(rows, dtype=np.int64).reshape(len(rows), 2)
    items, first = np.unique(both[:, 0], return_index=True)
    return items, both[first, 1]


def identical_files(connection: Connection, where: Filter | None) -> Iterator[list[int]]:
    """Yield the ids of photos whose files hold the same bytes, two or more at a time, ascending."""
    return _equal(connection, ITEMS.c.content_hash, [ITEMS.c.picture.is_(None)], where)


def simultaneous_photos(connection: Connection, where: Filter | None) -> Iterator[list[int]]:
    """Yield the ids of photos that a camera took in the same second, two or more at a time, ascending."""
    return _equal(connection, ITEMS.c.taken_at, [ITEMS.c.taken_from == "exif"], where)


def _equal(
    connection: Connection, column: Any, these: Sequence[ColumnElement[bool]], where: Filter | None
) -> Iterator[list[int]]:
    mine = [ITEMS.c.modality == Modality.PHOTO, ITEMS.c.failure.is_(None), *these, *where_conditions(where)]
    several = select(column).where(*mine).group_by(column).having(func.count() > 1)
    statement = select(column, ITEMS.c.id).where(*mine, column.in_(several)).order_by(column, ITEMS.c.id)
    for _, rows in groupby(connection.execute(statement), key=lambda row: row[0]):
        yield [row[1] for row in rows]


def photo_files(connection: Connection, item_ids: Sequence[int]) -> dict[int, PhotoFile]:
    """Return the files of photos by item id; items that are gone are left out."""
    names = ("picture", "path", "size", "mtime_ns", "width", "height", "format", "taken_at", "taken_from")
    statement = select(ITEMS.c.id, *(ITEMS.c[name] for name in (*names, *_DESCRIBING)))
    found = {}
    for start in range(0, len(item_ids), PAGE_SIZE):
        for row in connection.execute(statement.where(ITEMS.c.id.in_(item_ids[start : start + PAGE_SIZE]))):
            metadata_count = sum(row._mapping[name] is not None for name in _DESCRIBING) + (row.taken_from == "exif")
            found[row.id] = PhotoFile(
                row.id,
                row.picture or row.path,
                row.size,
                row.mtime_ns,
                row.width or 0,
                row.height or 0,
                row.format,
                row.taken_at,
                metadata_count,
            )
    return found
