"""Statements about judgements: queries, impressions and users' verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, exists, insert, select

from indexer.catalog.constructs import insert_new
from indexer.catalog.schema import EMBEDDINGS, IMPRESSION_HITS, IMPRESSIONS, ITEMS, JUDGEMENTS, QUERIES, UNITS
from indexer.catalog.statements.items import PAGE_SIZE, decode_vectors, has_dim
from indexer.types import Ids, Modality, Vectors, file_of, row_of, utc_now


class Judgement(NamedTuple):
    """A user's verdict on one hit.

    Attributes:
        id: Id of the judgement; newer judgements have higher ids.
        query_id: Id of the query.
        parts: Texts, images and weights of the query.
        path: Path of the item at that time.
        content_hash: Content hash of its file at that time.
        is_good: The verdict.
        judged_at: Time of the judgement, in UTC.
        impression_id: The impression in which the hit was judged; None if it was judged by name.
        position: Position of the hit in that impression, from 1; None if it was not shown.
        fingerprint: Fingerprint of the encoder that ranked the hits, with its adapter.
    """

    id: int
    query_id: int
    parts: Mapping[str, Any]
    path: str
    content_hash: bytes | None
    is_good: bool
    judged_at: datetime
    impression_id: int | None
    position: int | None
    fingerprint: str | None


class JudgedUnit(NamedTuple):
    """A unit of a judged item, with its current embedding."""

    item_id: int
    unit_id: int
    kind: Modality
    vector: bytes


def add_query(connection: Connection, key: str, parts: Mapping[str, Any]) -> int:
    """Return the id of the query with a key, adding it if it is new."""
    id_ = connection.scalar(select(QUERIES.c.id).where(QUERIES.c.key == key))
    if id_ is not None:
        return int(id_)
    values = {"key": key, "parts": dict(parts), "asked_at": utc_now()}
    return int(connection.scalars(insert(QUERIES).values(**values).returning(QUERIES.c.id)).one())


def add_impression(
    connection: Connection, query_id: int, fingerprint: str, hits: Sequence[tuple[int, str, float | None]]
) -> int:
    """Store the hits shown for a query, as positions, paths and scores, and return the impression's id."""
    values = {"query_id": query_id, "fingerprint": fingerprint, "shown_at": utc_now()}
    id_ = int(connection.scalars(insert(IMPRESSIONS).values(**values).returning(IMPRESSIONS.c.id)).one())
    rows = [{"showing_id": id_, "position": position, "path": path, "score": score} for position, path, score in hits]
    if rows:
        connection.execute(insert(IMPRESSION_HITS), rows)
    return id_


def add_impression_hit(connection: Connection, impression_id: int, position: int, path: str) -> None:
    """Add an item to an impression at a position, from 1, unless that position is taken."""
    values = {"showing_id": impression_id, "position": position, "path": path}
    connection.execute(insert_new(connection, IMPRESSION_HITS), values)


def add_judgements(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert judgements, given as columns of the table without the id."""
    if rows:
        connection.execute(insert(JUDGEMENTS), [dict(row) for row in rows])


def judgements(connection: Connection) -> Iterator[Judgement]:
    """Yield all judgements, oldest first, reading page by page."""
    is_hit = (IMPRESSION_HITS.c.showing_id == JUDGEMENTS.c.showing_id) & (IMPRESSION_HITS.c.path == JUDGEMENTS.c.path)
    statement = (
        select(
            JUDGEMENTS,
            JUDGEMENTS.c.showing_id.label("impression_id"),
            QUERIES.c.parts,
            IMPRESSION_HITS.c.position,
            IMPRESSIONS.c.fingerprint,
        )
        .join_from(JUDGEMENTS, QUERIES)
        .join(IMPRESSIONS, IMPRESSIONS.c.id == JUDGEMENTS.c.showing_id, isouter=True)
        .join(IMPRESSION_HITS, is_hit, isouter=True)
        .order_by(JUDGEMENTS.c.id)
    )
    last = 0
    while rows := connection.execute(statement.where(JUDGEMENTS.c.id > last).limit(PAGE_SIZE)).all():
        for row in rows:
            yield Judgement(**{name: row._mapping[name] for name in Judgement._fields})
        last = rows[-1].id


def delete_judgements(connection: Connection, *, key: str | None = None, path: str | None = None) -> int:
    """Delete judgements, optionally of one query or item, with orphaned queries and impressions; return how many."""
    statement = delete(JUDGEMENTS)
    if key is not None:
        statement = statement.where(JUDGEMENTS.c.query_id.in_(select(QUERIES.c.id).where(QUERIES.c.key == key)))
    if path is not None:
        statement = statement.where(JUDGEMENTS.c.path == path)
    deleted = connection.execute(statement).rowcount
    connection.execute(delete(IMPRESSIONS).where(~exists().where(JUDGEMENTS.c.showing_id == IMPRESSIONS.c.id)))
    connection.execute(delete(QUERIES).where(~exists().where(JUDGEMENTS.c.query_id == QUERIES.c.id)))
    return int(deleted)


def find_item(connection: Connection, path: str) -> tuple[int, str, bytes | None] | None:
    """Return id, path and content hash of a file's item, or of a table row that has it as its picture."""
    columns = select(ITEMS.c.id, ITEMS.c.path, ITEMS.c.content_hash)
    for condition in (ITEMS.c.path == path, ITEMS.c.picture == path):
        row = connection.execute(columns.where(condition).order_by(ITEMS.c.id).limit(1)).first()
        if row is not None:
            return row.id, row.path, row.content_hash
    return None


def verify_item(connection: Connection, item_id: int, file: str, row_id: str | None) -> tuple[str, bytes | None] | None:
    """Return path and content hash of an item; None if it was deleted or its id now belongs to another item.

    Args:
        connection: Open connection.
        item_id: Its id in the catalog.
        file: Its file, as `file_of` returns it.
        row_id: The id of its row in a table, or of an added item in its collection; None for a file.
    """
    columns = (ITEMS.c.path, ITEMS.c.content_hash, ITEMS.c.picture)
    row = connection.execute(select(*columns).where(ITEMS.c.id == item_id)).first()
    if row is None or file_of(row.path, row.picture) != file or row_of(row.path) != row_id:
        return None
    return row.path, row.content_hash


def judged_units(connection: Connection, encoder_id: int, judgement: Judgement) -> list[JudgedUnit]:
    """Return the units of a judged item under an encoder, found by path or, if the item moved, by content."""
    statement = (
        select(ITEMS.c.id, UNITS.c.id, UNITS.c.kind, EMBEDDINGS.c.vector)
        .join_from(ITEMS, UNITS)
        .join(EMBEDDINGS, (EMBEDDINGS.c.unit_id == UNITS.c.id) & (EMBEDDINGS.c.encoder_id == encoder_id))
        .order_by(ITEMS.c.id, UNITS.c.position)
    )
    rows = connection.execute(statement.where(ITEMS.c.path == judgement.path)).all()
    if not rows and judgement.content_hash is not None:
        rows = connection.execute(statement.where(ITEMS.c.content_hash == judgement.content_hash)).all()
    units = [JudgedUnit(row[0], row[1], Modality(row[2]), row[3]) for row in rows]
    return [unit for unit in units if unit.item_id == units[0].item_id]


def vectors_by_id(connection: Connection, dim: int, ids: Ids) -> tuple[Ids, Vectors]:
    """Return the undamaged embeddings among `ids`: ids ascending (n,) and vectors (n, dim), float32."""
    stored: list[tuple[int, bytes]] = []
    for start in range(0, len(ids), PAGE_SIZE):
        in_page = EMBEDDINGS.c.id.in_(ids[start : start + PAGE_SIZE].tolist())
        rows = connection.execute(select(EMBEDDINGS.c.id, EMBEDDINGS.c.vector).where(in_page))
        stored += [(row.id, row.vector) for row in rows if has_dim(row.vector, dim)]
    stored.sort()
    return np.array([id_ for id_, _ in stored], dtype=np.int64), decode_vectors([blob for _, blob in stored], dim)
