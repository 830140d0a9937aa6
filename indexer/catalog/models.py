"""The tables of a library's catalog, the only source of truth.

Plain tables and no classes: SQLAlchemy's object mapper takes as long to import as all the rest of it.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    column,
    table,
)
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


METADATA = MetaData(naming_convention=NAMES)
"""All tables."""

META = Table(
    "meta",
    METADATA,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""Facts about the whole library, such as the encoder in use."""

ENCODERS = Table(
    "encoders",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("fingerprint", String, nullable=False, unique=True),
    Column("dim", Integer, nullable=False),
    Column("preprocess", JSON, nullable=False),  # fields of Preprocess: photos are decoded before the encoder loads
    Column("added_at", DateTime, nullable=False),
)
"""Encoders whose embeddings the library holds."""

SOURCES = Table(
    "sources",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("root", PathBytes, nullable=False, unique=True),
    Column("exclude", JSON, nullable=False),
    Column("include_hidden", Boolean, nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("synced_at", DateTime),
    Column("columns", JSON),  # of a table: which of its columns are what, see `indexer.tables.Columns`; else NULL
)
"""Folders, files and tables that were indexed, and are synced again later."""

ITEMS = Table(
    "items",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("path", PathBytes, nullable=False, unique=True),  # of a table's row: the table's, NUL, the row's id
    Column("name", String),  # the file's name in lower case, for filters and for sorting
    Column("picture", PathBytes),  # of a table's row: its picture
    Column("modality", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("sidecar_mtime_ns", Integer),  # of the XMP file beside it, where there is one
    Column("content_hash", LargeBinary),
    Column("format", String),
    Column("width", Integer),
    Column("height", Integer),
    Column("taken_at", DateTime),
    Column("taken_from", String),  # "exif", "xmp", "iptc", or "file" where only the file's own time is known
    Column("utc_offset", Integer),  # minutes that `taken_at` is ahead of UTC, where the camera says so
    Column("latitude", Double),
    Column("longitude", Double),
    Column("camera", String),
    Column("lens", String),
    Column("rating", Integer),  # stars, 0 to 5; -1 rejected
    Column("title", String),
    Column("description", String),
    Column("failure", String),
    Column("failure_message", String),
    Column("indexed_at", DateTime, nullable=False),
    Index(None, "size", "content_hash"),
    Index(None, "taken_at"),
    Index(None, "source_id"),
    Index(None, "name"),
    Index(None, "camera"),
    Index(None, "lens"),
    Index(None, "rating"),
    Index(None, "latitude", "longitude"),
)
"""Photos, documents and rows of tables; one that could not be indexed has `failure` set and no units."""

TAGS = Table(
    "tags",
    METADATA,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(collation="NOCASE"), primary_key=True),
    Index(None, "tag", "item_id"),
)
"""Keywords of items."""

UNITS = Table(
    "units",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String, nullable=False, server_default="photo"),  # a Modality
    Column("text", String),  # of a text: the chunk; of a photo: what is said about it, for full-text search only
    UniqueConstraint("item_id", "position"),
    Index(None, "kind"),
)
"""What is embedded: whole photos and chunks of text."""

WORDS = table("unit_words", column("rowid"), column("unit_words"), column("text"))
"""SQLite's full-text index (FTS5) over `units.text`, by unit id; triggers of the migration keep it in step."""

EMBEDDINGS = Table(
    "embeddings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("unit_id", ForeignKey("units.id", ondelete="CASCADE"), nullable=False),
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("unit_id", "encoder_id"),
    Index(None, "encoder_id", "id"),
    sqlite_autoincrement=True,  # an id is never used again: the index's watermark relies on it
)
"""The unit-length vector of each unit under each encoder, as little-endian float16."""
