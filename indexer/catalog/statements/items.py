"""Statements that read items and their embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, Connection, and_, func, select

from indexer.catalog.constructs import folded, streaming
from indexer.catalog.schema import EMBEDDINGS, ITEMS, LABELS, UNITS
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.types import Ids, Modality, Vectors, file_of, isin_sorted, row_of

VECTOR_DTYPE = np.dtype("<f2")
"""Embeddings are stored as little-endian float16: half the bytes, and cosines change by less than 0.001."""

PAGE_SIZE = 5000
"""Rows per read of a long listing: this bounds memory, and no read holds up a checkpoint of the log."""


class ItemDetails(NamedTuple):
    """An item with one of its units, as search results show it."""

    embedding_id: int
    item_id: int
    unit_id: int
    kind: Modality
    text: str | None
    path: str
    format: str | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    taken_from: str | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    lens: str | None
    utc_offset: int | None
    rating: int | None
    title: str | None
    description: str | None
    picture: str | None = None
    uri: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    approximate: bool = False

    @property
    def file(self) -> str:
        """The item's file; of a table row, its picture or else the table."""
        return file_of(self.path, self.picture)

    @property
    def row(self) -> str | None:
        """The row's id in its table; None if the item is not a table row."""
        return row_of(self.path)


class PhotoEmbedding(NamedTuple):
    """The embedding of a photo in the library, and the stat of its file when it was indexed."""

    embedding_id: int
    item_id: int
    size: int
    mtime_ns: int


class ItemState(NamedTuple):
    """The stat of an item's file when it was indexed, and its failure, if any."""

    id: int
    path: str
    picture: str | None
    size: int
    mtime_ns: int
    failure: str | None
    failure_message: str | None

    @property
    def file(self) -> str:
        """The item's file; of a table row, its picture or else the table."""
        return file_of(self.path, self.picture)


class Unit(NamedTuple):
    """A unit of an item, with its embedding under one encoder."""

    embedding_id: int
    kind: Modality
    text: str | None


def has_dim(blob: object, dim: int) -> bool:
    """Return whether a stored value is a vector of `dim` numbers; a damaged one may be of any type."""
    return isinstance(blob, bytes) and len(blob) == dim * VECTOR_DTYPE.itemsize


def decode_vectors(blobs: Sequence[bytes], dim: int) -> Vectors:
    """Return stored vectors as float32, shape (n, dim)."""
    return np.frombuffer(b"".join(blobs), dtype=VECTOR_DTYPE).astype(np.float32).reshape(len(blobs), dim)


def count_up_to(connection: Connection, encoder_id: int, watermark: int) -> tuple[int, int]:
    """Return how many embeddings of an encoder have an id up to `watermark`, and their highest id of all."""
    of_encoder = EMBEDDINGS.c.encoder_id == encoder_id
    newest = connection.scalar(select(func.max(EMBEDDINGS.c.id)).where(of_encoder)) or 0
    other_encoders = (EMBEDDINGS.c.encoder_id < encoder_id, EMBEDDINGS.c.encoder_id > encoder_id)
    if any(connection.scalar(select(EMBEDDINGS.c.id).where(other).limit(1)) for other in other_encoders):
        return connection.scalar(select(func.count()).where(of_encoder, EMBEDDINGS.c.id <= watermark)) or 0, newest
    # without a condition SQLite adds up the row counts of its pages: 3 ms instead of 50 for a million
    total = connection.scalar(select(func.count()).select_from(EMBEDDINGS)) or 0
    newer = connection.scalar(select(func.count()).where(of_encoder, EMBEDDINGS.c.id > watermark)) or 0
    return total - newer, newest


def ids_of_kind(connection: Connection, ids: Sequence[int], kind: Modality) -> set[int]:
    """Return the embeddings among `ids` whose unit is of a kind."""
    matching: set[int] = set()
    statement = select(EMBEDDINGS.c.id).join_from(EMBEDDINGS, UNITS).where(UNITS.c.kind == kind)
    for start in range(0, len(ids), PAGE_SIZE):
        matching.update(connection.scalars(statement.where(EMBEDDINGS.c.id.in_(ids[start : start + PAGE_SIZE]))))
    return matching


def unit_ids_by_embedding(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return unit ids by embedding id."""
    unit_ids: dict[int, int] = {}
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.unit_id)
    for start in range(0, len(ids), PAGE_SIZE):
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(ids[start : start + PAGE_SIZE])))
        unit_ids |= {row.id: row.unit_id for row in rows}
    return unit_ids


def embedding_ids(connection: Connection, encoder_id: int) -> Ids:
    """Return the ids of an encoder's embeddings, ascending, shape (n,)."""
    statement = select(EMBEDDINGS.c.id).where(EMBEDDINGS.c.encoder_id == encoder_id)
    return np.sort(np.fromiter(connection.scalars(statement), dtype=np.int64))


def embeddings_after(
    connection: Connection, encoder_id: int, dim: int, watermark: int
) -> Iterator[tuple[Ids, Vectors, list[int]]]:
    """Yield pages of embeddings: ids (n,) ascending, vectors (n, dim) float32, and the ids of damaged rows."""
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    while True:
        rows = connection.execute(
            statement.where(EMBEDDINGS.c.id > watermark).order_by(EMBEDDINGS.c.id).limit(PAGE_SIZE)
        ).all()
        if not rows:
            return
        valid = [row for row in rows if has_dim(row.vector, dim)]
        damaged = [row.id for row in rows if not has_dim(row.vector, dim)]
        ids = np.fromiter((row.id for row in valid), dtype=np.int64, count=len(valid))
        vectors = decode_vectors([row.vector for row in valid], dim)
        is_finite = np.isfinite(vectors).all(axis=1)
        yield ids[is_finite], vectors[is_finite], damaged + ids[~is_finite].tolist()
        watermark = rows[-1].id


def last_embeddings(
    connection: Connection, encoder_id: int, dim: int, watermark: int, limit: int
) -> tuple[Ids, Vectors]:
    """Return the last embeddings up to `watermark`, ids (n,) descending and vectors (n, dim) float32."""
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    rows = connection.execute(
        statement.where(EMBEDDINGS.c.id <= watermark).order_by(EMBEDDINGS.c.id.desc()).limit(limit)
    ).all()
    valid = [row for row in rows if has_dim(row.vector, dim)]
    ids = np.fromiter((row.id for row in valid), dtype=np.int64, count=len(valid))
    return ids, decode_vectors([row.vector for row in valid], dim)


def first_vectors(connection: Connection, encoder: EncoderRecord, item_ids: Sequence[int]) -> dict[int, Vectors]:
    """Return the embedding of the first unit of each item under an encoder, shape (dim,), float32, by item id.

    Items without one, or with a damaged one, are left out.
    """
    statement = (
        select(UNITS.c.item_id, EMBEDDINGS.c.vector)
        .join_from(UNITS, EMBEDDINGS)
        .where(UNITS.c.position == 0, EMBEDDINGS.c.encoder_id == encoder.id)
    )
    vectors: dict[int, Vectors] = {}
    for start in range(0, len(item_ids), PAGE_SIZE):
        page = connection.execute(statement.where(UNITS.c.item_id.in_(item_ids[start : start + PAGE_SIZE])))
        valid = [row for row in page if has_dim(row.vector, encoder.dim)]
        rows = decode_vectors([row.vector for row in valid], encoder.dim)
        vectors |= {row.item_id: vector for row, vector in zip(valid, rows, strict=True)}
    return vectors


def has_kind(connection: Connection, kind: Modality) -> bool:
    """Return whether any unit is of a kind."""
    return connection.scalar(select(UNITS.c.id).where(UNITS.c.kind == kind).limit(1)) is not None


def item_details(connection: Connection, embedding_ids: Sequence[int]) -> dict[int, ItemDetails]:
    """Return items with their unit by embedding id, leaving out embeddings that no longer exist."""
    columns = [ITEMS.c[name] for name in ItemDetails._fields[5 : -1 - len(LABELS)]]
    statement = (
        select(EMBEDDINGS.c.id, ITEMS.c.id, UNITS.c.id, UNITS.c.kind, UNITS.c.text, *columns, EMBEDDINGS.c.mapped)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
    )
    details: dict[int, ItemDetails] = {}
    for start in range(0, len(embedding_ids), PAGE_SIZE):
        page = [int(id_) for id_ in embedding_ids[start : start + PAGE_SIZE]]
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(page))).all()
        labels = [labels_of(connection, column, [row[1] for row in rows]) for column in LABELS.values()]
        for row in rows:
            texts = (by_item.get(row[1], ()) for by_item in labels)
            details[row[0]] = ItemDetails._make((*row[:-1], *texts, row.mapped))._replace(kind=Modality(row.kind))
    return details


def labels_of(connection: Connection, column: Column[str], item_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return labels of one kind in alphabetical order by item id, leaving out items without any."""
    if not item_ids:
        return {}
    item_id = column.table.c.item_id
    statement = select(item_id, column).order_by(item_id, folded(column))
    labels: dict[int, tuple[str, ...]] = {}
    for start in range(0, len(item_ids), PAGE_SIZE):
        for id_, label in connection.execute(statement.where(item_id.in_(item_ids[start : start + PAGE_SIZE]))):
            labels[id_] = (*labels.get(id_, ()), label)
    return labels


def embedding_of_path(connection: Connection, path: str, encoder_id: int) -> PhotoEmbedding | None:
    """Return the embedding of the photo at `path`, or None if it has none."""
    row = connection.execute(
        select(EMBEDDINGS.c.id, ITEMS.c.id, ITEMS.c.size, ITEMS.c.mtime_ns)
        .join_from(ITEMS, UNITS)
        .join(EMBEDDINGS)
        .where(ITEMS.c.path == path, EMBEDDINGS.c.encoder_id == encoder_id, UNITS.c.kind == Modality.PHOTO)
    ).first()
    return None if row is None else PhotoEmbedding(*row)


def item_state(connection: Connection, path: str) -> ItemState | None:
    """Return the item at `path`, else the table row with this picture, else None."""
    statement = select(*(ITEMS.c[name] for name in ItemState._fields)).order_by(ITEMS.c.id).limit(1)
    for column in (ITEMS.c.path, ITEMS.c.picture):
        row = connection.execute(statement.where(column == path)).first()
        if row is not None:
            return ItemState._make(row)
    return None


def units_of(connection: Connection, item_id: int, encoder_id: int) -> list[Unit]:
    """Return the units of an item that have an embedding under an encoder, in order."""
    rows = connection.execute(
        select(EMBEDDINGS.c.id, UNITS.c.kind, UNITS.c.text)
        .join_from(UNITS, EMBEDDINGS)
        .where(UNITS.c.item_id == item_id, EMBEDDINGS.c.encoder_id == encoder_id)
        .order_by(UNITS.c.position)
    )
    return [Unit(row.id, Modality(row.kind), row.text) for row in rows]


def item_ids_by_embedding(connection: Connection, embedding_ids: Ids) -> dict[int, int]:
    """Return item ids by embedding id, leaving out embeddings that no longer exist."""
    statement = select(EMBEDDINGS.c.id, UNITS.c.item_id).join_from(EMBEDDINGS, UNITS)
    item_ids: dict[int, int] = {}
    for start in range(0, len(embedding_ids), PAGE_SIZE):
        page = embedding_ids[start : start + PAGE_SIZE].tolist()
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(page)))
        item_ids |= {row.id: row.item_id for row in rows}
    return item_ids


def coordinates_of(connection: Connection, path: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees of the photo at `path`, or None if it has no coordinates."""
    row = connection.execute(
        select(ITEMS.c.latitude, ITEMS.c.longitude).where(ITEMS.c.path == path, ITEMS.c.latitude.is_not(None))
    ).first()
    return None if row is None else (row.latitude, row.longitude)


def items_missing_embeddings(connection: Connection, encoder_id: int, embedding_ids: Ids) -> list[tuple[int, str]]:
    """Return id and path of indexed items with a unit that has none of these embeddings, ordered by path."""
    statement = (
        select(ITEMS.c.id, ITEMS.c.path, EMBEDDINGS.c.id)
        .join_from(ITEMS, UNITS, isouter=True)
        .join(EMBEDDINGS, and_(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.encoder_id == encoder_id), isouter=True)
        .where(ITEMS.c.failure.is_(None))
        .order_by(ITEMS.c.path)
    )
    incomplete: dict[int, str] = {}
    for rows in connection.execute(statement, execution_options=streaming(connection)).partitions(PAGE_SIZE):
        usable = isin_sorted(np.array([row[2] or -1 for row in rows], dtype=np.int64), embedding_ids)
        incomplete |= {row[0]: row[1] for row, is_usable in zip(rows, usable, strict=True) if not is_usable}
    return list(incomplete.items())
