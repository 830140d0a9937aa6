"""Statements about versions: adapters and fine-tuned encoders, and which one is active."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select

from indexer.catalog.schema import ENCODERS, META, VERSIONS
from indexer.catalog.statements.encoders import ACTIVE as ACTIVE_ENCODER
from indexer.types import utc_now

ACTIVE = "active_version"
"""Key in `meta`: id of the version that searches use; absent if they use the plain encoder."""

VersionKind = Literal["adapter", "lora"]


class Version(NamedTuple):
    """The result of one tuning run.

    Attributes:
        id: Number of the version.
        kind: "adapter", a transform of the encoder's output, or "lora", a fine-tuned encoder.
        encoder_id: Id of the encoder that it was trained on.
        encoder: Name of that encoder.
        parent_id: The version that was active at that time; None for the plain encoder.
        name: Name of the fine-tuned encoder; None for an adapter.
        report: The tuning report: measurements and verdict.
        made_at: Time of the run, in UTC.
        is_active: Whether searches use it.
    """

    id: int
    kind: VersionKind
    encoder_id: int
    encoder: str
    parent_id: int | None
    name: str | None
    report: Mapping[str, Any]
    made_at: datetime
    is_active: bool


def versions(connection: Connection) -> list[Version]:
    """Return all versions, oldest first."""
    active = active_version_id(connection)
    columns = (VERSIONS, VERSIONS.c.receipt.label("report"), ENCODERS.c.name.label("encoder"))
    rows = connection.execute(select(*columns).join_from(VERSIONS, ENCODERS).order_by(VERSIONS.c.id))
    return [_version(row, active) for row in rows]


def active_version_id(connection: Connection) -> int | None:
    """Return the number of the active version, or None if searches use the plain encoder."""
    value = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE))
    return None if value is None else int(value)


def active_weights(connection: Connection) -> bytes | None:
    """Return the weights of the active adapter; None if there is none or it belongs to another encoder."""
    encoder = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE_ENCODER))
    version = active_version_id(connection)
    if encoder is None or version is None:
        return None
    is_active = (VERSIONS.c.id == version) & (VERSIONS.c.encoder_id == int(encoder)) & (VERSIONS.c.kind == "adapter")
    return connection.scalar(select(VERSIONS.c.weights).where(is_active))


def add_version(
    connection: Connection,
    *,
    kind: VersionKind,
    encoder_id: int,
    report: Mapping[str, Any],
    weights: bytes | None = None,
    name: str | None = None,
) -> int:
    """Store a version and return its number; the active version stays the same."""
    values = {
        "kind": kind,
        "encoder_id": encoder_id,
        "parent_id": active_version_id(connection),
        "weights": weights,
        "name": name,
        "receipt": dict(report),
        "made_at": utc_now(),
    }
    return int(connection.scalars(insert(VERSIONS).values(**values).returning(VERSIONS.c.id)).one())


def activate_version(connection: Connection, version_id: int | None) -> None:
    """Make searches use a version, or the plain encoder for None."""
    connection.execute(delete(META).where(META.c.key == ACTIVE))
    if version_id is not None:
        connection.execute(insert(META).values(key=ACTIVE, value=str(version_id)))


def _version(row: Row[*tuple[Any, ...]], active: int | None) -> Version:
    names = (name for name in Version._fields if name != "is_active")
    return Version(**{name: row._mapping[name] for name in names}, is_active=row.id == active)
