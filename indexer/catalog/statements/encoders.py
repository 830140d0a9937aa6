"""Statements about encoders, and which of them is active."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ENCODERS, META
from indexer.types import Preprocess, utc_now

ACTIVE = "active_encoder"
"""Key in `meta`: id of the encoder whose embeddings are searched."""


class EncoderRecord(NamedTuple):
    """An encoder's record in the catalog."""

    id: int
    name: str
    fingerprint: str
    dim: int
    preprocess: Preprocess


def active_encoder(connection: Connection) -> EncoderRecord | None:
    """Return the library's encoder, or None if it has no embeddings yet: such a library may take another."""
    id_ = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE))
    if id_ is None or not connection.scalar(select(exists().where(EMBEDDINGS.c.encoder_id == int(id_)))):
        return None
    return encoder_by_id(connection, int(id_))


def encoder_by_id(connection: Connection, id_: int) -> EncoderRecord:
    """Return the encoder with an id."""
    columns = (ENCODERS.c.id, ENCODERS.c.name, ENCODERS.c.fingerprint, ENCODERS.c.dim, ENCODERS.c.preprocess)
    row = connection.execute(select(*columns).where(ENCODERS.c.id == id_)).one()
    stored = row.preprocess | {"mean": tuple(row.preprocess["mean"]), "std": tuple(row.preprocess["std"])}
    return EncoderRecord(row.id, row.name, row.fingerprint, row.dim, Preprocess(**stored))


def encoder_names(connection: Connection) -> list[str]:
    """Return the names of all encoders in the catalog, active or not."""
    return list(connection.scalars(select(ENCODERS.c.name)))


def set_active_encoder(
    connection: Connection, *, name: str, fingerprint: str, dim: int, preprocess: Preprocess
) -> EncoderRecord:
    """Make an encoder active, adding or renaming its row as needed, and return its record."""
    id_ = add_encoder(connection, name=name, fingerprint=fingerprint, dim=dim, preprocess=preprocess)
    rename_encoder(connection, id_, name)
    connection.execute(delete(META).where(META.c.key == ACTIVE))
    connection.execute(insert(META).values(key=ACTIVE, value=str(id_)))
    return EncoderRecord(id_, name, fingerprint, dim, preprocess)


def encoder_id(connection: Connection, fingerprint: str) -> int | None:
    """Return the id of the encoder with a fingerprint, active or not; None if it is not in the catalog."""
    return connection.scalar(select(ENCODERS.c.id).where(ENCODERS.c.fingerprint == fingerprint))


def add_encoder(connection: Connection, *, name: str, fingerprint: str, dim: int, preprocess: Preprocess) -> int:
    """Return the id of an encoder, adding its row if it is new; the active encoder stays the same."""
    id_ = encoder_id(connection, fingerprint)
    if id_ is not None:
        return id_
    values = {
        "name": name,
        "fingerprint": fingerprint,
        "dim": dim,
        "preprocess": asdict(preprocess),
        "added_at": utc_now(),
    }
    return int(connection.scalars(insert(ENCODERS).values(**values).returning(ENCODERS.c.id)).one())


def rename_encoder(connection: Connection, id_: int, name: str) -> None:
    """Store the current name of an encoder."""
    connection.execute(update(ENCODERS).where(ENCODERS.c.id == id_, ENCODERS.c.name != name).values(name=name))
