"""The tables of a library's catalog, the only source of truth."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Dialect, ForeignKey, Index, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that a migration can name what it changes."""


class PathBytes(TypeDecorator[str]):
    """A path as the bytes of the file system: file names need not be valid UTF-8, and bytes sort as the walk does."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return the bytes of a path."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the path of bytes; what is not valid UTF-8 becomes surrogates, as in the rest of Python."""
        return None if value is None else os.fsdecode(value)


class Base(DeclarativeBase):
    """Base of the tables."""

    metadata = MetaData(naming_convention=NAMES)


class Meta(Base):
    """Facts about the whole library, such as the encoder in use."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class EncoderRow(Base):
    """An encoder whose embeddings the library holds."""

    __tablename__ = "encoders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(unique=True)
    dim: Mapped[int]
    preprocess: Mapped[dict[str, Any]] = mapped_column(JSON)  # fields of Preprocess: photos are decoded before it loads
    added_at: Mapped[datetime]


class Source(Base):
    """A folder or file that was indexed, and is synced again later."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    root: Mapped[str] = mapped_column(PathBytes, unique=True)
    exclude: Mapped[list[str]] = mapped_column(JSON)
    include_hidden: Mapped[bool]
    added_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]


class Item(Base):
    """One photo; one that could not be indexed has `failure` set and no units."""

    __tablename__ = "items"
    __table_args__ = (Index(None, "size", "content_hash"), Index(None, "taken_at"), Index(None, "source_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(PathBytes, unique=True)
    modality: Mapped[str]
    size: Mapped[int]
    mtime_ns: Mapped[int]
    content_hash: Mapped[bytes | None]
    format: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime | None]
    taken_from: Mapped[str | None]  # "exif", or "file" where only the file's own time is known
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    camera: Mapped[str | None]
    failure: Mapped[str | None]
    failure_message: Mapped[str | None]
    indexed_at: Mapped[datetime]


class Unit(Base):
    """What is embedded: a whole photo."""

    __tablename__ = "units"
    __table_args__ = (UniqueConstraint("item_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    position: Mapped[int]


class Embedding(Base):
    """The unit-length vector of one unit under one encoder, as little-endian float16."""

    __tablename__ = "embeddings"
    __table_args__ = (
        UniqueConstraint("unit_id", "encoder_id"),
        Index(None, "encoder_id", "id"),
        {"sqlite_autoincrement": True},  # an id is never used again: the index's watermark relies on it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id", ondelete="CASCADE"))
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoders.id", ondelete="CASCADE"))
    vector: Mapped[bytes]
