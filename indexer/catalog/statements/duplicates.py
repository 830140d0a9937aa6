"""Statements that find photos that may be duplicates of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from indexer.catalog.filters.expression import Filter, where_conditions
from indexer.catalog.schema import EMBEDDINGS, ITEM_PICTURES, ITEMS, LABELS, UNITS
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import COLLECTION, Ids, Modality, collection_of, file_of, item_id

_METADATA = ("latitude", "camera", "lens", "rating", "title", "description")
"""Columns that are empty in a copy whose metadata was stripped."""


_GUESSED_DATES = ("name", "file", None)
"""Origins of a date that is not part of the metadata."""


class PhotoFile(NamedTuple):
    """A photo's file as it was indexed.

    Attributes:
        item_id: The item.
        path: Path of the picture.
        size: Size in bytes.
        mtime_ns: Modification time, in nanoseconds since 1970.
        width: Pixels, upright; 0 if unknown.
        height: Pixels, upright; 0 if unknown.
        format: For instance "JPEG".
        taken_at: Time the photo was taken, local time of the camera.
        metadata_count: Number of metadata fields with a value.
        utc_offset: Minutes that `taken_at` is ahead of UTC; None if the metadata does not say.
        id: Id of an added item, of which the stored picture is compared and `path` is "collection:" and the name of its
            collection; None for a file.
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
    utc_offset: int | None = None
    id: str | None = None

    @property
    def is_added(self) -> bool:
        """Whether an app added it, so that there is no file to keep or to delete."""
        return self.id is not None

    @property
    def location(self) -> str:
        """File, or collection and id, for people."""
        return self.path if self.id is None else f"{self.path}: {self.id}"


_IS_COMPARABLE = or_(
    ITEMS.c.path <= COLLECTION,
    ITEMS.c.path >= f"{COLLECTION[:-1]};",  # ; follows : in ASCII
    exists().where(ITEM_PICTURES.c.item_id == ITEMS.c.id),
)
"""Whether an item is a file, or an added item with a stored picture."""


def photo_embeddings(connection: Connection, encoder_id: int, where: Filter | None) -> tuple[Ids, Ids]:
    """Return the photos that pass a filter: item ids, ascending, and the first embedding of each, both shape (n,)."""
    statement = (
        select(ITEMS.c.id, EMBEDDINGS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, UNITS.c.kind == Modality.PHOTO, _IS_COMPARABLE)
        .where(*where_conditions(where))
        .order_by(ITEMS.c.id, EMBEDDINGS.c.id)
    )
    rows = [tuple(row) for row in connection.execute(statement)]
    pairs = np.array(rows, dtype=np.int64).reshape(len(rows), 2)
    item_ids, first = np.unique(pairs[:, 0], return_index=True)
    return item_ids, pairs[first, 1]


def identical_files(connection: Connection, where: Filter | None) -> Iterator[list[int]]:
    """Yield groups of two or more photos with identical files: item ids, ascending."""
    return _group_by(connection, ITEMS.c.content_hash, [ITEMS.c.picture.is_(None)], where)


def simultaneous_photos(connection: Connection, where: Filter | None) -> Iterator[list[int]]:
    """Yield groups of two or more photos that cameras took in the same second: item ids, ascending."""
    return _group_by(connection, ITEMS.c.taken_at, [ITEMS.c.taken_from == "exif"], where)


def _group_by(
    connection: Connection, column: Any, conditions: Sequence[ColumnElement[bool]], where: Filter | None
) -> Iterator[list[int]]:
    photos = [ITEMS.c.modality == Modality.PHOTO, ITEMS.c.failure.is_(None), _IS_COMPARABLE]
    photos += [*conditions, *where_conditions(where)]
    repeated = select(column).where(*photos).group_by(column).having(func.count() > 1)
    statement = select(column, ITEMS.c.id).where(*photos, column.in_(repeated)).order_by(column, ITEMS.c.id)
    for _, rows in groupby(connection.execute(statement), key=lambda row: row[0]):
        yield [row[1] for row in rows]


def photo_files(connection: Connection, item_ids: Sequence[int]) -> dict[int, PhotoFile]:
    """Return the files of photos by item id, leaving out items that no longer exist."""
    names = ("picture", "path", "size", "mtime_ns", "width", "height", "format", "taken_at", "taken_from", "utc_offset")
    has_labels = (exists().where(label.table.c.item_id == ITEMS.c.id).label(name) for name, label in LABELS.items())
    statement = select(ITEMS.c.id, *has_labels, *(ITEMS.c[name] for name in (*names, *_METADATA)))
    files = {}
    for start in range(0, len(item_ids), PAGE_SIZE):
        for row in connection.execute(statement.where(ITEMS.c.id.in_(item_ids[start : start + PAGE_SIZE]))):
            fields = sum(row._mapping[name] is not None for name in _METADATA)
            labels = sum(row._mapping[name] for name in LABELS)
            metadata_count = fields + labels + (row.taken_from not in _GUESSED_DATES)
            is_added = collection_of(row.path) is not None
            files[row.id] = PhotoFile(
                row.id,
                file_of(row.path) if is_added else row.picture or row.path,
                row.size,
                row.mtime_ns,
                row.width or 0,
                row.height or 0,
                row.format,
                row.taken_at,
                metadata_count,
                row.utc_offset,
                item_id(row.path) if is_added else None,
            )
    return files
