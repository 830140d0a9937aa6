"""Statements about encoders, and which of them is active."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ENCODERS, META
from indexer.errors import StorageError
from indexer.types import Preprocess, utc_now

ACTIVE = "active_encoder"
"""Key in `meta`: id of the encoder whose embeddings are searched."""


MAX_DIM = 65536
"""Length of a vector, at most; the largest models of open_clip have 1,280."""

_MAX_ID_DIGITS = 18  # of SQLite's largest integer, rounded down


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
    if id_ is None:
        return None
    if not id_.isdecimal() or len(id_) > _MAX_ID_DIGITS:
        raise StorageError(_damage(f"its active encoder is {id_[:40]!r}"))
    if not connection.scalar(select(exists().where(EMBEDDINGS.c.encoder_id == int(id_)))):
        if connection.scalar(select(exists().where(EMBEDDINGS.c.id.is_not(None)))) and not connection.scalar(
            select(exists().where(ENCODERS.c.id == int(id_)))
        ):
            raise StorageError(_damage(f"it has embeddings, but not its active encoder {id_}"))
        return None
    return encoder_by_id(connection, int(id_))


def encoder_by_id(connection: Connection, id_: int) -> EncoderRecord:
    """Return the encoder with an id.

    Raises:
        StorageError: Its row is missing or damaged.
    """
    columns = (ENCODERS.c.id, ENCODERS.c.name, ENCODERS.c.fingerprint, ENCODERS.c.dim, ENCODERS.c.preprocess)
    row = connection.execute(select(*columns).where(ENCODERS.c.id == id_)).first()
    if row is None:
        raise StorageError(_damage(f"it has embeddings of encoder {id_}, but not its row"))
    try:
        stored = row.preprocess | {"mean": tuple(row.preprocess["mean"]), "std": tuple(row.preprocess["std"])}
        record = EncoderRecord(row.id, row.name, row.fingerprint, row.dim, Preprocess(**stored))
    except (TypeError, KeyError, AttributeError) as error:
        raise StorageError(_damage(f"the preprocessing of encoder {row.name!r} is {row.preprocess!r:.80}")) from error
    if not isinstance(row.dim, int) or not 0 < row.dim <= MAX_DIM:
        raise StorageError(_damage(f"encoder {row.name!r} has {row.dim} dimensions, expected 1 to {MAX_DIM}"))
    return record


def _damage(reason: str) -> str:
    return f"the catalog is damaged ({reason}); restore it from a backup or index into a new library"


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
