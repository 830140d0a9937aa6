"""Statements for a change of encoder: units to embed, approximate embeddings, encoder maps and the switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select

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
from indexer.types import Ids, Modality, Vectors, utc_now

_FORMER = "former_encoder"
"""Key in `meta`: ids of formerly active encoders, latest first, while approximate embeddings remain."""


class PendingEmbedding(NamedTuple):
    """An embedding under the old encoder, whose unit has none under the new one."""

    id: int
    unit_id: int
    kind: Modality
    vector: bytes


class EncoderState(NamedTuple):
    """An encoder of the library: whether it is active, and how many embeddings it has."""

    name: str
    fingerprint: str
    dim: int
    is_active: bool
    encoded: int
    approximate: int
    agreement: dict[str, Any] | None


def encoder_states(connection: Connection) -> list[EncoderState]:
    """Return the encoders that the library has embeddings of; `agreement` is that of the approximate ones."""
    # both counts use covering indexes: no embedding is read
    count = select(func.count()).where(EMBEDDINGS.c.encoder_id == ENCODERS.c.id)
    approximate = count.where(EMBEDDINGS.c.mapped.is_(True)).scalar_subquery()
    columns = (count.scalar_subquery().label("total"), approximate.label("approximate"))
    statement = select(ENCODERS, *columns).order_by(ENCODERS.c.id)
    rows = [row for row in connection.execute(statement) if row.total]
    active = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE))
    agreements = _agreements(connection)
    return [
        EncoderState(
            row.name,
            row.fingerprint,
            row.dim,
            str(row.id) == active,
            row.total - row.approximate,
            row.approximate,
            agreements.get(row.id) if row.approximate else None,
        )
        for row in rows
    ]


def _agreements(connection: Connection) -> dict[int, dict[str, Any]]:
    """Return what was measured of the map to each encoder; of several maps, the one from the latest former encoder.

    Their times do not say it: the clocks of the machines that made them may differ.
    """
    ages = {id_: age for age, id_ in enumerate(_former_ids(connection))}
    maps = connection.execute(select(ENCODER_MAPS.c.old_id, ENCODER_MAPS.c.new_id, ENCODER_MAPS.c.about)).all()
    oldest_first = sorted(maps, key=lambda row: (-ages.get(row.old_id, len(ages)), row.old_id))
    return {row.new_id: row.about["agreement"] for row in oldest_first}


def encoded_units(connection: Connection, encoder_id: int, kind: Modality) -> Ids:
    """Return the ids of units of a kind that an encoder itself has embedded, ascending, shape (n,)."""
    statement = (
        select(UNITS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(False), UNITS.c.kind == kind)
    )
    return np.sort(np.fromiter(connection.scalars(statement), dtype=np.int64))


def pending_embeddings(
    connection: Connection, old_id: int, new_id: int, *, after: int, limit: int
) -> list[PendingEmbedding]:
    """Return the next embeddings of the old encoder, with ids above `after`, whose unit has none of the new one."""
    # ordered by embedding id, not unit id: an index has that order, so that a page does not read all remaining rows
    has_new = _has_embedding(new_id)
    statement = (
        select(EMBEDDINGS.c.id, EMBEDDINGS.c.unit_id, UNITS.c.kind, EMBEDDINGS.c.vector)
        .join_from(EMBEDDINGS, UNITS)
        .where(EMBEDDINGS.c.id > after, EMBEDDINGS.c.encoder_id == old_id, ~has_new)
        .order_by(EMBEDDINGS.c.id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [PendingEmbedding(row.id, row.unit_id, Modality(row.kind), row.vector) for row in rows]


def count_pending(connection: Connection, old_id: int, new_id: int) -> int:
    """Return how many units have an embedding of the old encoder and none of the new one."""
    has_new = _has_embedding(new_id)
    statement = select(func.count()).select_from(EMBEDDINGS).where(EMBEDDINGS.c.encoder_id == old_id, ~has_new)
    return connection.scalar(statement) or 0


def pending_kinds(connection: Connection, old_id: int, new_id: int) -> set[Modality]:
    """Return the kinds of units that have an embedding of the old encoder and none of the new one."""
    has_new = _has_embedding(new_id)
    statement = select(UNITS.c.kind).join_from(EMBEDDINGS, UNITS).where(EMBEDDINGS.c.encoder_id == old_id, ~has_new)
    return {Modality(kind) for kind in connection.scalars(statement.distinct())}


def _has_embedding(encoder_id: int) -> ColumnElement[bool]:
    """Return the condition that the unit of an embedding also has one under an encoder."""
    other = EMBEDDINGS.alias()
    return exists().where(other.c.unit_id == EMBEDDINGS.c.unit_id, other.c.encoder_id == encoder_id)


def add_approximate(connection: Connection, encoder_id: int, unit_ids: Sequence[int], vectors: Vectors) -> None:
    """Insert approximate embeddings of units, unit-length vectors of shape (n, d)."""
    rows = [
        {"unit_id": unit_id, "encoder_id": encoder_id, "vector": row.tobytes(), "mapped": True}
        for unit_id, row in zip(unit_ids, vectors.astype(VECTOR_DTYPE), strict=True)
    ]
    if rows:
        connection.execute(insert(EMBEDDINGS), rows)


def approximate_units(connection: Connection, encoder_id: int) -> Ids:
    """Return the units with an approximate embedding, shape (n,): most used first, then best rated, then newest."""
    shown = select(IMPRESSION_HITS.c.path, func.count().label("times")).group_by(IMPRESSION_HITS.c.path).subquery()
    judged = select(JUDGEMENTS.c.path, func.count().label("times")).group_by(JUDGEMENTS.c.path).subquery()
    uses = func.coalesce(shown.c.times, 0) + func.coalesce(judged.c.times, 0)
    statement = (
        select(UNITS.c.id)
        .join_from(EMBEDDINGS, UNITS)
        .join(ITEMS)
        .join(shown, shown.c.path == ITEMS.c.path, isouter=True)
        .join(judged, judged.c.path == ITEMS.c.path, isouter=True)
        .where(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(True))
        .order_by(
            uses.desc(), func.coalesce(ITEMS.c.rating, 0).desc(), ITEMS.c.taken_at.desc().nulls_last(), UNITS.c.id
        )
    )
    return np.fromiter(connection.scalars(statement), dtype=np.int64)


def units_without_embedding(connection: Connection, encoder_id: int) -> Ids:
    """Return the units without an embedding under an encoder, ascending, shape (n,): exports omit approximate ones."""
    total = connection.scalar(select(func.count()).select_from(UNITS))
    if connection.scalar(select(func.count()).where(EMBEDDINGS.c.encoder_id == encoder_id)) == total:
        return np.empty(0, dtype=np.int64)  # one per unit at most; counting takes a tenth of the time
    has_embedding = exists().where(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.encoder_id == encoder_id)
    return np.fromiter(
        connection.scalars(select(UNITS.c.id).where(~has_embedding).order_by(UNITS.c.id)), dtype=np.int64
    )


def count_approximate(connection: Connection, encoder_id: int) -> int:
    """Return how many embeddings of an encoder are approximate."""
    is_approximate = and_(EMBEDDINGS.c.encoder_id == encoder_id, EMBEDDINGS.c.mapped.is_(True))
    return connection.scalar(select(func.count()).select_from(EMBEDDINGS).where(is_approximate)) or 0


def save_encoder_map(connection: Connection, old_id: int, new_id: int, matrix: Vectors, about: dict[str, Any]) -> None:
    """Store a map between two encoders, replacing an existing one."""
    is_between = and_(ENCODER_MAPS.c.old_id == old_id, ENCODER_MAPS.c.new_id == new_id)
    connection.execute(delete(ENCODER_MAPS).where(is_between))
    values = {"matrix": matrix.astype("<f4").tobytes(), "about": about, "made_at": utc_now()}
    connection.execute(insert(ENCODER_MAPS).values(old_id=old_id, new_id=new_id, **values))


def encoder_map(connection: Connection, old_id: int, new_id: int) -> tuple[bytes, dict[str, Any]] | None:
    """Return matrix and measurements of the map from one encoder to another, or None if there is none."""
    is_between = and_(ENCODER_MAPS.c.old_id == old_id, ENCODER_MAPS.c.new_id == new_id)
    row = connection.execute(select(ENCODER_MAPS.c.matrix, ENCODER_MAPS.c.about).where(is_between)).first()
    return None if row is None else (row.matrix, row.about)


def switch_encoder(connection: Connection, *, old_id: int, new_id: int, version: int | None = None) -> None:
    """Make another encoder active, together with a version that was trained for it, or None."""
    earlier = [id_ for id_ in _former_ids(connection) if id_ not in (old_id, new_id)]
    connection.execute(delete(META).where(META.c.key == ACTIVE))
    connection.execute(insert(META).values(key=ACTIVE, value=str(new_id)))
    _save_former_ids(connection, [old_id, *earlier])
    versions.activate_version(connection, version)


def former_encoders(connection: Connection) -> list[EncoderRecord]:
    """Return the formerly active encoders whose embeddings still exist, latest first."""
    return [encoder_by_id(connection, id_) for id_ in _former_ids(connection)]


def _former_ids(connection: Connection) -> list[int]:
    value = connection.scalar(select(META.c.value).where(META.c.key == _FORMER))
    return [int(id_) for id_ in value.split(",")] if value else []


def _save_former_ids(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(META).where(META.c.key == _FORMER))
    if ids:
        connection.execute(insert(META).values(key=_FORMER, value=",".join(map(str, ids))))


def is_rollback_target(connection: Connection, encoder_id: int) -> bool:
    """Return whether a rollback may need an encoder's embeddings: another encoder was fine-tuned from it."""
    is_base = exists().where(VERSIONS.c.encoder_id == encoder_id, VERSIONS.c.kind == "lora")
    return bool(connection.scalar(select(is_base)))


def delete_embeddings(connection: Connection, encoder_id: int) -> int:
    """Delete an encoder's embeddings and the maps to it, and return how many embeddings were deleted."""
    connection.execute(delete(ENCODER_MAPS).where(ENCODER_MAPS.c.new_id == encoder_id))
    deleted = connection.execute(delete(EMBEDDINGS).where(EMBEDDINGS.c.encoder_id == encoder_id)).rowcount
    _save_former_ids(connection, [id_ for id_ in _former_ids(connection) if id_ != encoder_id])
    return deleted


def delete_embeddings_of(connection: Connection, fingerprint: str) -> int:
    """Delete the embeddings of the encoder with a fingerprint, and return how many there were."""
    id_ = encoder_id(connection, fingerprint)
    return 0 if id_ is None else delete_embeddings(connection, id_)


def clear_former_encoders(connection: Connection) -> None:
    """Forget the former encoders: no approximate embedding is left."""
    _save_former_ids(connection, ())
