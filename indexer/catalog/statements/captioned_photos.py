"""Statements about photos and their captions with embeddings, for exports to other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Subquery, and_, func, select

from indexer.catalog.constructs import streaming
from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import PAGE_SIZE, has_dim
from indexer.types import COLLECTION, Modality

_WITHOUT_FILE = and_(ITEMS.c.path > COLLECTION, ITEMS.c.path < f"{COLLECTION[:-1]};", ITEMS.c.picture.is_(None))
"""Whether an item is an added one without a file; ; follows : in ASCII."""


class PhotoCounts(NamedTuple):
    """How many photos have an embedding under an encoder, how many also a text with one, and how many items exist.

    Added items without a file are among the items only.
    """

    photos: int
    with_text: int
    items: int


class CaptionedPhoto(NamedTuple):
    """A photo with an embedding.

    Attributes:
        item: All columns of the item.
        caption: Its first text; None if it has none.
        image: Embedding of the photo, as stored.
        text: Embedding of the caption, as stored; None if it has none.
    """

    item: Mapping[str, Any]
    caption: str | None
    image: bytes
    text: bytes | None


def count_photos(connection: Connection, encoder: EncoderRecord) -> PhotoCounts:
    """Return how many photos have an embedding under an encoder."""
    photo, text = _items_with(encoder, Modality.PHOTO), _items_with(encoder, Modality.TEXT)
    both = select(photo.c.item_id).intersect(select(text.c.item_id)).subquery()
    return PhotoCounts(
        *(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (photo, both, ITEMS))
    )


def captioned_photos(connection: Connection, encoder: EncoderRecord) -> Iterator[CaptionedPhoto]:
    """Yield the photos with a file and an embedding under an encoder, by path; approximate embeddings do not count."""
    of_files = select(ITEMS).where(~_WITHOUT_FILE).order_by(ITEMS.c.path)
    for page in connection.execute(of_files, execution_options=streaming(connection)).mappings().partitions(PAGE_SIZE):
        images: dict[int, Any] = {}
        texts: dict[int, Any] = {}
        units = (
            select(UNITS.c.item_id, UNITS.c.kind, UNITS.c.text, EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector)
            .join_from(UNITS, EMBEDDINGS)
            .where(EMBEDDINGS.c.mapped.is_(False))
            .where(UNITS.c.item_id.in_([row["id"] for row in page]))  # alone, or SQLite begins with the encoder
            .order_by(UNITS.c.item_id, UNITS.c.position)
        )
        for unit in connection.execute(units):
            if unit.encoder_id == encoder.id and has_dim(unit.vector, encoder.dim):
                (images if unit.kind == Modality.PHOTO else texts).setdefault(unit.item_id, unit)
        for row in page:
            image, text = images.get(row["id"]), texts.get(row["id"])
            if image is not None:
                yield CaptionedPhoto(
                    dict(row), text.text if text else image.text, image.vector, text.vector if text else None
                )


def _items_with(encoder: EncoderRecord, kind: Modality) -> Subquery:
    """Return the ids of the items with a file that have an embedding of a kind; each is read once."""
    without_file = select(ITEMS.c.id).where(_WITHOUT_FILE)
    statement = select(UNITS.c.item_id).distinct().join_from(EMBEDDINGS, UNITS)
    statement = statement.where(UNITS.c.item_id.not_in(without_file))
    return statement.where(
        EMBEDDINGS.c.encoder_id == encoder.id, EMBEDDINGS.c.mapped.is_(False), UNITS.c.kind == kind
    ).subquery()
