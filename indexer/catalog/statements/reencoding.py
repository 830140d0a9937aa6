"""Statements of a change of encoder: units that lack an embedding, mapped ones, and the switch itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, and_, delete, exists, func, insert, select

from indexer.catalog.schema import (
    EMBEDDINGS,
    ENCODER_MAPS,
    ENCODERS,
    IMPRESSION_HITS,
    ITEMS,
    JUDGEMENTS,
    META,
    UNITS,
    VERSIONS,
)
from indexer.catalog.statements import versions
from indexer.catalog.statements.encoders import ACTIVE, EncoderRecord, encoder_by_id, encoder_id
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.catalog.statements.units import UnitContent, unit_contents
from indexer.types import Ids, Modality, Vectors, utc_now

FORMER = "former_encoder"
"""Key in `meta`: ids of the encoders that were active before, the latest first, while mapped embeddings are left."""


class PendingEmbedding(NamedTuple):
    """An embedding under the old encoder of a unit that has none under the new one."""

    id: int
    unit_id: int
    kind: Modality
    vector: bytes


class EncoderState(NamedTuple):
    """An encoder of the library: whether its embeddings are searched, and how many it has."""

    name: str
    fingerprint: str
    dim: int
    is_active: bool
    encoded: int
    approximate: int
    agreement: dict[str, Any] | None


def encoder_states(connection: Connection) -> list[EncoderState]:
    """Return the encoders that the library has embeddings of; `agreement` is that of its mapped ones."""
    # each counted by an index that has all that it takes: no embedding is read
    mine = select(func.count()).where(EMBEDDINGS.c.encoder_id == ENCODERS.c.id)
    approximate = mine.where(EMBEDDINGS.c.mapped.is_(True)).scalar_subquery()
    columns = (mine.scalar_subquery().label("total"), approximate.label("approximate"))
    statement = select(ENCODERS, *columns).order_by(ENCODERS.c.id)
    rows = [row for row in connection.execute(statement) if row.total]
    active = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE))
    newest = select(ENCODER_MAPS.c.new_id, ENCODER_MAPS.c.about).order_by(ENCODER_MAPS.c.made_at)
    about = {row.new_id: row.about["agreement"] for row in connection.execute(newest)}
    return [
        EncoderState(
            row.name,
            row.fingerprint,
            row.dim,
            str(row.id) == active,
            row.total - row.approximate,
            row.approximate,
            about.get(row.id) if row.approximate else None,
        )
        for row in rows
    ]


def encoded_units(connection: Connection, encoder_id: int, kind: Modality) -> Ids:
    """Return the ids of units of a kind whose embedding under an encoder is its own, ascending, shape (n,)."""
    statement = (
        select(UNITS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(False), UNITS.c.kind == kind)
    )
    return np.sort(np.fromiter(connection.scalars(statement), dtype=np.int64))


def pending_embeddings(
    connection: Connection, old_id: int, new_id: int, *, after: int, limit: int
) -> list[PendingEmbedding]:
    """Return the next embeddings with an id behind `after` under the old encoder whose unit has none under the new."""
    # by their ids and not the units': so an index gives them in order, and a page does not read all that is left
    other = EMBEDDINGS.alias()
    has = exists().where(other.c.unit_id == EMBEDDINGS.c.unit_id, other.c.encoder_id == new_id)
    statement = (
        select(EMBEDDINGS.c.id, EMBEDDINGS.c.unit_id, UNITS.c.kind, EMBEDDINGS.c.vector)
        .join_from(EMBEDDINGS, UNITS)
        .where(EMBEDDINGS.c.id > after, EMBEDDINGS.c.encoder_id == old_id, ~has)
        .order_by(EMBEDDINGS.c.id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [PendingEmbedding(row.id, row.unit_id, Modality(row.kind), row.vector) for row in rows]


def count_pending(connection: Connection, old_id: int, new_id: int) -> int:
    """Return how many units have an embedding under the old encoder and none under the new."""
    other = EMBEDDINGS.alias()
    has = exists().where(other.c.unit_id == EMBEDDINGS.c.unit_id, other.c.encoder_id == new_id)
    found = select(func.count()).select_from(EMBEDDINGS).where(EMBEDDINGS.c.encoder_id == old_id, ~has)
    return connection.scalar(found) or 0


def pending_kinds(connection: Connection, old_id: int, new_id: int) -> set[Modality]:
    """Return the kinds of the units that have an embedding under the old encoder and none under the new."""
    other = EMBEDDINGS.alias()
    has = exists().where(other.c.unit_id == EMBEDDINGS.c.unit_id, other.c.encoder_id == new_id)
    statement = select(UNITS.c.kind).join_from(EMBEDDINGS, UNITS).where(EMBEDDINGS.c.encoder_id == old_id, ~has)
    return {Modality(kind) for kind in connection.scalars(statement.distinct())}


def add_approximate(connection: Connection, encoder_id: int, unit_ids: Sequence[int], vectors: Vectors) -> None:
    """Give units embeddings that were made from another encoder's, unit vectors of shape (n, d)."""
    rows = [
        {"unit_id": unit_id, "encoder_id": encoder_id, "vector": row.tobytes(), "mapped": True}
        for unit_id, row in zip(unit_ids, vectors.astype(VECTOR_DTYPE), strict=True)
    ]
    if rows:
        connection.execute(insert(EMBEDDINGS), rows)


def approximate_units(connection: Connection, encoder_id: int) -> Ids:
    """Return the units whose embedding is mapped, shape (n,): the most used first, then by rating, then the newest."""
    shown = select(IMPRESSION_HITS.c.path, func.count().label("times")).group_by(IMPRESSION_HITS.c.path).subquery()
    judged = select(JUDGEMENTS.c.path, func.count().label("times")).group_by(JUDGEMENTS.c.path).subquery()
    used = func.coalesce(shown.c.times, 0) + func.coalesce(judged.c.times, 0)
    statement = (
        select(UNITS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
        .join(shown, shown.c.path == ITEMS.c.path, isouter=True)
        .join(judged, judged.c.path == ITEMS.c.path, isouter=True)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(True))
        .order_by(used.desc(), func.coalesce(ITEMS.c.rating, 0).desc(), ITEMS.c.taken_at.desc(), UNITS.c.id)
    )
    return np.fromiter(connection.scalars(statement), dtype=np.int64)


def units_without_embedding(connection: Connection, encoder_id: int) -> Ids:
    """Return the units that have no embedding under an encoder, ascending, shape (n,): an export left them out."""
    every = connection.scalar(select(func.count()).select_from(UNITS))
    if connection.scalar(select(func.count()).where(EMBEDDINGS.c.encoder_id == encoder_id)) == every:
        return np.empty(0, dtype=np.int64)  # a unit has one at most; counting takes a tenth of looking for each
    has = exists().where(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.encoder_id == encoder_id)
    return np.fromiter(connection.scalars(select(UNITS.c.id).where(~has).order_by(UNITS.c.id)), dtype=np.int64)


def count_approximate(connection: Connection, encoder_id: int) -> int:
    """Return how many embeddings of an encoder are mapped."""
    mine = and_(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(True))
    return connection.scalar(select(func.count()).select_from(EMBEDDINGS).where(mine)) or 0


def put_real(
    connection: Connection, encoder_id: int, encoded: Mapping[int, Vectors], made_of: Mapping[int, UnitContent]
) -> int:
    """Give units the embeddings that the encoder itself made, in place of mapped ones, and return how many.

    Each gets a new id, by which an index notices it. A unit that is not made of the same any more is passed over.

    Args:
        connection: Open connection, in a transaction.
        encoder_id: The encoder.
        encoded: Unit vectors by unit id, shape (d,), float32.
        made_of: What the units were when they were encoded.
    """
    present = unit_contents(connection, list(encoded))
    good = [unit_id for unit_id in encoded if present.get(unit_id) == made_of[unit_id]]
    if not good:
        return 0
    mine = and_(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.unit_id.in_(good))
    connection.execute(delete(EMBEDDINGS).where(mine))
    stored = [
        {"unit_id": unit_id, "encoder_id": encoder_id, "vector": encoded[unit_id].astype(VECTOR_DTYPE).tobytes()}
        for unit_id in good
    ]
    connection.execute(insert(EMBEDDINGS), [row | {"mapped": False} for row in stored])
    return len(good)


def save_encoder_map(connection: Connection, old_id: int, new_id: int, matrix: Vectors, about: dict[str, Any]) -> None:
    """Keep a map between two encoders in place of the one that there was."""
    mine = and_(ENCODER_MAPS.c.old_id == old_id, ENCODER_MAPS.c.new_id == new_id)
    connection.execute(delete(ENCODER_MAPS).where(mine))
    values = {"matrix": matrix.astype("<f4").tobytes(), "about": about, "made_at": utc_now()}
    connection.execute(insert(ENCODER_MAPS).values(old_id=old_id, new_id=new_id, **values))


def encoder_map(connection: Connection, old_id: int, new_id: int) -> tuple[bytes, dict[str, Any]] | None:
    """Return the map from one encoder to another and what was measured of it, None where there is none."""
    mine = and_(ENCODER_MAPS.c.old_id == old_id, ENCODER_MAPS.c.new_id == new_id)
    row = connection.execute(select(ENCODER_MAPS.c.matrix, ENCODER_MAPS.c.about).where(mine)).first()
    return None if row is None else (row.matrix, row.about)


def switch_encoder(connection: Connection, *, old_id: int, new_id: int, version: int | None = None) -> None:
    """Make another encoder the library's own; what was learnt on the old one is put aside, and a version takes over."""
    earlier = [each for each in _former_ids(connection) if each not in (old_id, new_id)]
    connection.execute(delete(META).where(META.c.key == ACTIVE))
    connection.execute(insert(META).values(key=ACTIVE, value=str(new_id)))
    _note_former(connection, [old_id, *earlier])
    versions.activate_version(connection, version)


def former_encoders(connection: Connection) -> list[EncoderRecord]:
    """Return the encoders that were active before, the latest first, but those whose embeddings were given up."""
    return [encoder_by_id(connection, id_) for id_ in _former_ids(connection)]


def _former_ids(connection: Connection) -> list[int]:
    value = connection.scalar(select(META.c.value).where(META.c.key == FORMER))
    return [int(each) for each in value.split(",")] if value else []


def _note_former(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(META).where(META.c.key == FORMER))
    if ids:
        connection.execute(insert(META).values(key=FORMER, value=",".join(map(str, ids))))


def is_rollback_target(connection: Connection, encoder_id: int) -> bool:
    """Return whether a rollback would need an encoder's embeddings: another one was learnt on it."""
    learnt = exists().where(VERSIONS.c.encoder_id == encoder_id, VERSIONS.c.kind == "lora")
    return bool(connection.scalar(select(learnt)))


def delete_embeddings(connection: Connection, encoder_id: int) -> int:
    """Delete an encoder's embeddings and the map that gave it some, and return how many embeddings those were."""
    connection.execute(delete(ENCODER_MAPS).where(ENCODER_MAPS.c.new_id == encoder_id))
    gone = connection.execute(delete(EMBEDDINGS).where(EMBEDDINGS.c.encoder_id == encoder_id)).rowcount
    _note_former(connection, [each for each in _former_ids(connection) if each != encoder_id])
    return gone


def delete_embeddings_of(connection: Connection, fingerprint: str) -> int:
    """Delete the embeddings of the encoder with a fingerprint, and return how many those were."""
    id_ = encoder_id(connection, fingerprint)
    return 0 if id_ is None else delete_embeddings(connection, id_)


def clear_former_encoders(connection: Connection) -> None:
    """Note that nothing mapped is left."""
    _note_former(connection, ())
