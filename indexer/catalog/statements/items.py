"""Statements that read the catalog; each takes an open connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, and_, func, select

from indexer.catalog.schema import EMBEDDINGS, ITEMS, TAGS, UNITS
from indexer.types import Ids, Modality, Vectors, file_of, isin_sorted, row_of

VECTOR_DTYPE = np.dtype("<f2")
"""Embeddings are stored as little-endian float16: half the bytes, and a cosine changes by less than .001."""

PAGE_SIZE = 5000
"""Rows per read of a long listing: memory stays bounded, and no read blocks the log from being folded in."""


class ItemDetails(NamedTuple):
    """An item as a search shows it."""

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
    tags: tuple[str, ...] = ()
    approximate: bool = False

    @property
    def file(self) -> str:
        """Its file: of a table's row the row's picture, else the table."""
        return file_of(self.path, self.picture)

    @property
    def row(self) -> str | None:
        """What tells it apart in its table, None where it is no row."""
        return row_of(self.path)


class PhotoEmbedding(NamedTuple):
    """A photo of the library as a query: its embedding, and its file as it was indexed."""

    embedding_id: int
    item_id: int
    size: int
    mtime_ns: int


class ItemState(NamedTuple):
    """An item as it was indexed: its file then, and its failure where there was one."""

    id: int
    path: str
    picture: str | None
    size: int
    mtime_ns: int
    failure: str | None
    failure_message: str | None

    @property
    def file(self) -> str:
        """Its file: of a table's row the row's picture, else the table."""
        return file_of(self.path, self.picture)


class Unit(NamedTuple):
    """A unit of an item under one encoder."""

    embedding_id: int
    kind: Modality
    text: str | None


def count_up_to(connection: Connection, encoder_id: int, watermark: int) -> tuple[int, int]:
    """Return how many embeddings of an encoder have an id up to `watermark`, and the highest id of all."""
    mine = EMBEDDINGS.c.encoder_id == encoder_id
    newest = connection.scalar(select(func.max(EMBEDDINGS.c.id)).where(mine)) or 0
    of_others = (EMBEDDINGS.c.encoder_id < encoder_id, EMBEDDINGS.c.encoder_id > encoder_id)
    if any(connection.scalar(select(EMBEDDINGS.c.id).where(other).limit(1)) for other in of_others):
        return connection.scalar(select(func.count()).where(mine, EMBEDDINGS.c.id <= watermark)) or 0, newest
    # without a condition SQLite adds up what its pages hold: 3 ms for a million, where looking at each takes 50
    total = connection.scalar(select(func.count()).select_from(EMBEDDINGS)) or 0
    newer = connection.scalar(select(func.count()).where(mine, EMBEDDINGS.c.id > watermark)) or 0
    return total - newer, newest


def ids_of_kind(connection: Connection, ids: Sequence[int], kind: Modality) -> set[int]:
    """Return those of some embeddings whose unit is of a kind."""
    found: set[int] = set()
    statement = select(EMBEDDINGS.c.id).join_from(EMBEDDINGS, UNITS).where(UNITS.c.kind == kind)
    for start in range(0, len(ids), PAGE_SIZE):
        found.update(connection.scalars(statement.where(EMBEDDINGS.c.id.in_(ids[start : start + PAGE_SIZE]))))
    return found


def unit_ids_by_embedding(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return the unit of each of some embeddings, by the embedding's id."""
    found: dict[int, int] = {}
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.unit_id)
    for start in range(0, len(ids), PAGE_SIZE):
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(ids[start : start + PAGE_SIZE])))
        found |= {row.id: row.unit_id for row in rows}
    return found


def embedding_ids(connection: Connection, encoder_id: int) -> Ids:
    """Return the ids of an encoder's embeddings, ascending, shape (n,)."""
    statement = select(EMBEDDINGS.c.id).where(EMBEDDINGS.c.encoder_id == encoder_id)
    return np.sort(np.fromiter(connection.scalars(statement), dtype=np.int64))


def embeddings_after(
    connection: Connection, encoder_id: int, dim: int, watermark: int
) -> Iterator[tuple[Ids, Vectors, list[int]]]:
    """Yield pages of (ids (n,), vectors (n, dim) float32, ids of rows whose bytes are not a vector), ids ascending."""
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    while True:
        rows = connection.execute(
            statement.where(EMBEDDINGS.c.id > watermark).order_by(EMBEDDINGS.c.id).limit(PAGE_SIZE)
        ).all()
        if not rows:
            return
        good = [row for row in rows if len(row.vector) == dim * VECTOR_DTYPE.itemsize]
        bad = [row.id for row in rows if len(row.vector) != dim * VECTOR_DTYPE.itemsize]
        raw = np.frombuffer(b"".join(row.vector for row in good), dtype=VECTOR_DTYPE)
        yield (
            np.fromiter((row.id for row in good), dtype=np.int64, count=len(good)),
            raw.astype(np.float32).reshape(len(good), dim),
            bad,
        )
        watermark = rows[-1].id


def last_embeddings(
    connection: Connection, encoder_id: int, dim: int, watermark: int, limit: int
) -> tuple[Ids, Vectors]:
    """Return the last embeddings up to `watermark`, ids (n,) descending and vectors (n, dim) float32."""
    statement = select(EMBEDDINGS.c.id, EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == encoder_id)
    rows = connection.execute(
        statement.where(EMBEDDINGS.c.id <= watermark).order_by(EMBEDDINGS.c.id.desc()).limit(limit)
    ).all()
    good = [row for row in rows if len(row.vector) == dim * VECTOR_DTYPE.itemsize]
    raw = np.frombuffer(b"".join(row.vector for row in good), dtype=VECTOR_DTYPE)
    return (
        np.fromiter((row.id for row in good), dtype=np.int64, count=len(good)),
        raw.astype(np.float32).reshape(len(good), dim),
    )


def has_kind(connection: Connection, kind: Modality) -> bool:
    """Return whether there is a unit of a kind."""
    return connection.scalar(select(UNITS.c.id).where(UNITS.c.kind == kind).limit(1)) is not None


def item_details(connection: Connection, embedding_ids: Sequence[int]) -> dict[int, ItemDetails]:
    """Return the items of embeddings, by embedding id; embeddings that are gone are left out."""
    columns = [ITEMS.c[name] for name in ItemDetails._fields[5:-2]]
    statement = (
        select(EMBEDDINGS.c.id, ITEMS.c.id, UNITS.c.id, UNITS.c.kind, UNITS.c.text, *columns, EMBEDDINGS.c.mapped)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
    )
    found: dict[int, ItemDetails] = {}
    for start in range(0, len(embedding_ids), PAGE_SIZE):
        wanted = [int(id_) for id_ in embedding_ids[start : start + PAGE_SIZE]]
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(wanted))).all()
        tags = tags_of(connection, [row[1] for row in rows])
        for row in rows:
            found[row[0]] = ItemDetails._make((*row[:-1], tags.get(row[1], ()), row.mapped))._replace(
                kind=Modality(row.kind)
            )
    return found


def tags_of(connection: Connection, item_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the tags of items, in the order of the alphabet, by item id; items without any are left out."""
    statement = select(TAGS).where(TAGS.c.item_id.in_(item_ids)).order_by(TAGS.c.item_id, TAGS.c.tag)
    tags: dict[int, tuple[str, ...]] = {}
    for item_id, tag in connection.execute(statement):
        tags[item_id] = (*tags.get(item_id, ()), tag)
    return tags


def embedding_of_path(connection: Connection, path: str, encoder_id: int) -> PhotoEmbedding | None:
    """Return the embedding of the photo at `path`, or None where there is none."""
    row = connection.execute(
        select(EMBEDDINGS.c.id, ITEMS.c.id, ITEMS.c.size, ITEMS.c.mtime_ns)
        .join_from(ITEMS, UNITS)
        .join(EMBEDDINGS)
        .where(ITEMS.c.path == path, EMBEDDINGS.c.encoder_id == encoder_id, UNITS.c.kind == Modality.PHOTO)
    ).first()
    return None if row is None else PhotoEmbedding(*row)


def item_state(connection: Connection, path: str) -> ItemState | None:
    """Return the item at `path`, else the table's row with this picture, or None where there is neither."""
    statement = select(*(ITEMS.c[name] for name in ItemState._fields)).order_by(ITEMS.c.id).limit(1)
    for column in (ITEMS.c.path, ITEMS.c.picture):
        row = connection.execute(statement.where(column == path)).first()
        if row is not None:
            return ItemState._make(row)
    return None


def units_of(connection: Connection, item_id: int, encoder_id: int) -> list[Unit]:
    """Return the units of an item that an encoder has embedded, in their order."""
    rows = connection.execute(
        select(EMBEDDINGS.c.id, UNITS.c.kind, UNITS.c.text)
        .join_from(UNITS, EMBEDDINGS)
        .where(UNITS.c.item_id == item_id, EMBEDDINGS.c.encoder_id == encoder_id)
        .order_by(UNITS.c.position)
    )
    return [Unit(row.id, Modality(row.kind), row.text) for row in rows]


def item_ids_by_embedding(connection: Connection, embedding_ids: Ids) -> dict[int, int]:
    """Return item ids by embedding id; embeddings that are gone are left out."""
    statement = select(EMBEDDINGS.c.id, UNITS.c.item_id).join_from(EMBEDDINGS, UNITS)
    found: dict[int, int] = {}
    for start in range(0, len(embedding_ids), PAGE_SIZE):
        wanted = embedding_ids[start : start + PAGE_SIZE].tolist()
        rows = connection.execute(statement.where(EMBEDDINGS.c.id.in_(wanted)))
        found |= {row.id: row.item_id for row in rows}
    return found


def coordinates_of(connection: Connection, path: str) -> tuple[float, float] | None:
    """Return where the photo at `path` was taken, latitude and longitude in degrees, or None where nobody knows."""
    row = connection.execute(
        select(ITEMS.c.latitude, ITEMS.c.longitude).where(ITEMS.c.path == path, ITEMS.c.latitude.is_not(None))
    ).first()
    return None if row is None else (row.latitude, row.longitude)


def items_missing_embeddings(connection: Connection, encoder_id: int, embedding_ids: Ids) -> list[tuple[int, str]]:
    """Return id and path of the items that did not fail and have a unit without one of these embeddings, by path."""
    statement = (
        select(ITEMS.c.id, ITEMS.c.path, EMBEDDINGS.c.id)
        .join_from(ITEMS, UNITS, isouter=True)
        .join(EMBEDDINGS, and_(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.encoder_id == encoder_id), isouter=True)
        .where(ITEMS.c.failure.is_(None))
        .order_by(ITEMS.c.path)
    )
    lacking: dict[int, str] = {}
    for rows in connection.execute(statement).partitions(PAGE_SIZE):
        usable = isin_sorted(np.array([row[2] or -1 for row in rows], dtype=np.int64), embedding_ids)
        lacking |= {row[0]: row[1] for row, good in zip(rows, usable, strict=True) if not good}
    return list(lacking.items())
