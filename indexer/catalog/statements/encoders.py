"""Statements about encoders and facts about the whole library."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ENCODERS, META
from indexer.types import Preprocess, utc_now

ACTIVE = "active_encoder"
"""Key in `meta`: id of the encoder whose embeddings are searched."""


class EncoderRecord(NamedTuple):
    """An encoder as the catalog knows it."""

    id: int
    name: str
    fingerprint: str
    dim: int
    preprocess: Preprocess


def active_encoder(connection: Connection) -> EncoderRecord | None:
    """Return the library's encoder, or None while there is no embedding of it: such a library may take another."""
    id_ = connection.scalar(select(META.c.value).where(META.c.key == ACTIVE))
    if id_ is None or not connection.scalar(select(exists().where(EMBEDDINGS.c.encoder_id == int(id_)))):
        return None
    return encoder_by_id(connection, int(id_))


def encoder_by_id(connection: Connection, id_: int) -> EncoderRecord:
    """Return the encoder with this id."""
    columns = (ENCODERS.c.id, ENCODERS.c.name, ENCODERS.c.fingerprint, ENCODERS.c.dim, ENCODERS.c.preprocess)
    row = connection.execute(select(*columns).where(ENCODERS.c.id == id_)).one()
    stored = row.preprocess | {"mean": tuple(row.preprocess["mean"]), "std": tuple(row.preprocess["std"])}
    return EncoderRecord(row.id, row.name, row.fingerprint, row.dim, Preprocess(**stored))


def encoder_names(connection: Connection) -> list[str]:
    """Return the names of all encoders that the library knows, active or not."""
    return list(connection.scalars(select(ENCODERS.c.name)))


def set_active_encoder(
    connection: Connection, *, name: str, fingerprint: str, dim: int, preprocess: Preprocess
) -> EncoderRecord:
    """Make an encoder the library's own and return it; its row is added where it is new, and takes a new name."""
    id_ = add_encoder(connection, name=name, fingerprint=fingerprint, dim=dim, preprocess=preprocess)
    rename_encoder(connection, id_, name)
    connection.execute(delete(META).where(META.c.key == ACTIVE))
    connection.execute(insert(META).values(key=ACTIVE, value=str(id_)))
    return EncoderRecord(id_, name, fingerprint, dim, preprocess)


def encoder_id(connection: Connection, fingerprint: str) -> int | None:
    """Return the id of an encoder, the library's own or another; None where it is not known."""
    return connection.scalar(select(ENCODERS.c.id).where(ENCODERS.c.fingerprint == fingerprint))


def add_encoder(connection: Connection, *, name: str, fingerprint: str, dim: int, preprocess: Preprocess) -> int:
    """Return the id of an encoder, whose row is added where it is new; which one is the library's own stays."""
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
    """Note the name that an encoder is found by now."""
    connection.execute(update(ENCODERS).where(ENCODERS.c.id == id_, ENCODERS.c.name != name).values(name=name))
