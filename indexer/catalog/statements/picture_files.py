"""The statement that reads where the picture of an item is."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from indexer.catalog.schema import ITEM_PICTURES, ITEMS, SOURCES
from indexer.types import Modality, collection_of, file_of


class PictureFile(NamedTuple):
    """The file of an item, its stored picture, and what the catalog knows of both.

    Attributes:
        path: As the catalog stores it.
        picture: Of a table row or an added item: the file of its picture.
        root: Its source.
        size: Size of the file in bytes.
        mtime_ns: Modification time of the file in nanoseconds since 1970.
        content_hash: Of the file's content; of a table row, of its texts and its picture's path, size and time.
        format: File format of a picture, for instance "JPEG".
        modality: A photo, or a text.
        stored: "original" or "preview" if the library stores its picture, else None.
        stored_hash: SHA-256 of the stored picture.
    """

    path: str
    picture: str | None
    root: str
    size: int
    mtime_ns: int
    content_hash: bytes | None
    format: str | None
    modality: Modality
    stored: str | None
    stored_hash: bytes | None

    @property
    def file(self) -> str | None:
        """Its file; None for an added item without one."""
        file = file_of(self.path, self.picture)
        return None if collection_of(file) is not None else file


_COLUMNS = (
    *(ITEMS.c[name] for name in ("path", "picture")),
    SOURCES.c.root,
    *(ITEMS.c[name] for name in ("size", "mtime_ns", "content_hash", "format", "modality")),
    *(ITEM_PICTURES.c[name] for name in ("kind", "hash")),
)

_STATEMENT = (
    select(*_COLUMNS)
    .select_from(ITEMS.join(SOURCES).join(ITEM_PICTURES, isouter=True))
    .where(ITEMS.c.id == bindparam("id"), ITEMS.c.failure.is_(None))
)
"""Made once: making it takes longer than reading one row."""


def picture_file(connection: Connection, item_id: int) -> PictureFile | None:
    """Return where the picture of an item is; None if there is no such item or it failed."""
    row = connection.execute(_STATEMENT, {"id": item_id}).first()
    return None if row is None else PictureFile(*row)._replace(modality=Modality(row.modality))
