"""Items as lists of a library show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection

from indexer.catalog.schema import ITEMS, LABELS
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import first_vectors, labels_of
from indexer.errors import LibraryError
from indexer.object_path import file_path
from indexer.types import Modality, Vectors, collection_of, file_of, item_id, row_of, with_offset

if TYPE_CHECKING:
    from PIL import Image


class PictureSource(Protocol):
    """Opens the pictures of a library's items."""

    def open(self, item_id: int, path: Path) -> Image.Image:
        """Return the picture of an item: the stored one, else that of its file, upright RGB."""

    def content(self, item_id: int, path: Path) -> Path | bytes:
        """Return the bytes of the stored picture of an item, or else its file."""


def open_picture(source: PictureSource | None, item_id: int, path: Path) -> Image.Image:
    """Return the picture of an item; see `PictureSource`.

    Raises:
        LibraryError: There is no source: the item was made by hand, or pickled.
    """
    if source is None:
        raise LibraryError("this object does not come from an open library; ask it: library.get([id])[0].picture()")
    return source.open(item_id, path)


@dataclass(frozen=True, slots=True)
class Item:
    """A photo, a text file, or a row of a table in the library.

    Attributes:
        item_id: Its id in the catalog.
        path: Its file; for a row of a table, its picture, or the table if it has none; for an added item without a
            file, "collection:" and the name of its collection.
        row: Id of the row in a table, or of an added item; None for other items.
        kind: A photo, or a text; a row with a picture is a photo.
        size: Size of the file in bytes.
        format: File format, for instance "JPEG".
        width: Width in pixels, upright.
        height: Height in pixels, upright.
        taken_at: Time of the photo, local time of the camera.
        taken_from: Origin of `taken_at`, as in `Hit`.
        utc_offset: Minutes by which `taken_at` is ahead of UTC; None if the camera does not record it.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
        lens: Name of the lens.
        rating: 0 to 5; -1 for rejected.
        title: Title by the photographer.
        description: Description by the photographer, or by the camera.
        tags: Keywords.
        people: Names of the people in the photo.
        places: Names of the places where it was taken or that it shows.
        id: The id of an added item; else its path, of a table's row followed by # and the row's id.
        collection: The collection of an added item; None for other items.
        uri: Where an added item is from, as the app gave it.
        text: The whole text of an added item.
        metadata: The metadata of an added item; empty for other items.
        vector: The vector of its first unit, shape (d,), unit length, if vectors were asked for.
    """

    item_id: int
    path: Path
    row: str | None
    kind: Modality
    size: int
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    taken_from: str | None
    utc_offset: int | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    lens: str | None
    rating: int | None
    title: str | None
    description: str | None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    id: str = ""
    collection: str | None = None
    uri: str | None = None
    text: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vector: Vectors | None = field(default=None, compare=False, repr=False)
    _pictures: PictureSource | None = field(default=None, compare=False, repr=False)

    def picture(self) -> Image.Image:
        """Return the item's picture as the library stores it, original or preview, else that of its file; upright RGB.

        Raises:
            PictureError: It has none, or it cannot be read.
            LibraryError: The library is closed, or the item does not come from one.
        """
        return open_picture(self._pictures, self.item_id, self.path)

    def to_dict(self) -> dict[str, Any]:
        """Return the item as values for JSON; the vector only if it was asked for."""
        names = (field.name for field in fields(self) if field.name not in ("vector", "_pictures"))
        values = {name: getattr(self, name) for name in names}
        vector = {} if self.vector is None else {"vector": self.vector.tolist()}
        return (
            values
            | vector
            | {
                "metadata": dict(self.metadata),
                "path": str(self.path),
                "kind": str(self.kind),
                "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
                **{name: list(getattr(self, name)) for name in LABELS},
            }
        )


_SAME_NAME = tuple(field.name for field in fields(Item) if field.name in ITEMS.c and field.name not in ("id", "path"))
"""The fields of an item whose columns have the same names."""


ITEM_COLUMNS = (ITEMS.c.id, ITEMS.c.path, ITEMS.c.picture, ITEMS.c.modality, *(ITEMS.c[name] for name in _SAME_NAME))
"""The columns that `items_of` reads."""


def items_of(
    connection: Connection, rows: Sequence[Any], encoder: EncoderRecord | None, pictures: PictureSource | None
) -> list[Item]:
    """Return items with their labels, and with their vectors under an encoder."""
    labeled = [row.id for row in rows if row.format is not None]  # an added text has no labels
    labels = {name: labels_of(connection, column, labeled) for name, column in LABELS.items()}
    vectors = {} if encoder is None else first_vectors(connection, encoder, [row.id for row in rows])
    return [
        _item(row, {name: texts.get(row.id, ()) for name, texts in labels.items()}, vectors.get(row.id), pictures)
        for row in rows
    ]


def _item(
    row: Any, labels: Mapping[str, tuple[str, ...]], vector: Vectors | None, pictures: PictureSource | None
) -> Item:
    """Return an item with its labels by the name of the field."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _SAME_NAME} | dict(labels)
    return Item(
        item_id=row.id,
        path=file_path(file_of(row.path, row.picture)),
        row=row_of(row.path),
        kind=Modality(row.modality),
        id=item_id(row.path),
        collection=collection_of(row.path),
        vector=vector,
        _pictures=pictures,
        **values | {"metadata": row.metadata or {}},
    )
