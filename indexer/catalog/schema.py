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
    text,
)
from sqlalchemy.types import TypeDecorator

_NAMING_CONVENTION = {
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


METADATA = MetaData(naming_convention=_NAMING_CONVENTION)
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
    Column(
        "columns", JSON
    ),  # of a table: which of its columns are what, see `indexer.documents.table.Columns`; else NULL
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
    Index(None, "source_id", "modality", "failure"),  # counts of what a library holds: no row is read for them
    Index("ix_items_failed", "path", sqlite_where=text("failure IS NOT NULL")),
    Index(None, "picture", sqlite_where=text("picture IS NOT NULL")),
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

UNIT_WORDS = table("unit_words", column("rowid"), column("unit_words"), column("text"))
"""SQLite's full-text index (FTS5) over `units.text`, by unit id; triggers of the migration keep it in step."""

EMBEDDINGS = Table(
    "embeddings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("unit_id", ForeignKey("units.id", ondelete="CASCADE"), nullable=False),
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("mapped", Boolean, nullable=False, server_default="0"),  # made from another encoder's, see ENCODER_MAPS
    UniqueConstraint("unit_id", "encoder_id"),
    Index(None, "encoder_id", "id"),
    Index("ix_embeddings_mapped", "encoder_id", "unit_id", sqlite_where=text("mapped IS 1")),
    sqlite_autoincrement=True,  # an id is never used again: the index's watermark relies on it
)
"""The unit-length vector of each unit under each encoder, as little-endian float16."""

ENCODER_MAPS = Table(
    "encoder_maps",
    METADATA,
    Column("old_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("new_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("matrix", LargeBinary, nullable=False),  # little-endian float32, rows of the old, columns of the new
    Column("about", JSON, nullable=False),  # what was measured when it was fitted
    Column("made_at", DateTime, nullable=False),
)
"""Linear maps between encoders: an embedding of the old one times the matrix stands for the new one's meanwhile."""

QUERIES = Table(
    "queries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),  # the same for the same parts and weights
    Column("parts", JSON, nullable=False),  # texts, images (paths) and weights, see `retrieval.feedback`
    Column("asked_at", DateTime, nullable=False),
)
"""Queries whose hits were judged."""

IMPRESSIONS = Table(
    "showings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("query_id", ForeignKey("queries.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", String, nullable=False),  # of the encoder that found them, its adapter included
    Column("shown_at", DateTime, nullable=False),
    Index(None, "query_id"),
)
"""Each time that hits of a query were shown to be judged."""

IMPRESSION_HITS = Table(
    "shown",
    METADATA,
    Column("showing_id", ForeignKey("showings.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),  # from 1 for the best
    Column("path", PathBytes, nullable=False),  # of the item; there may be none at it any more
    Column("score", Double),
    Index(None, "path"),
)
"""The hits that were shown, in their order."""

JUDGEMENTS = Table(
    "judgements",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("query_id", ForeignKey("queries.id", ondelete="CASCADE"), nullable=False),
    Column("showing_id", ForeignKey("showings.id", ondelete="SET NULL")),  # NULL: judged without having been shown
    Column("path", PathBytes, nullable=False),  # of the item, which may leave the library and come back
    Column("content_hash", LargeBinary),  # of its file when it was judged: it may have moved
    Column("is_good", Boolean, nullable=False),
    Column("judged_at", DateTime, nullable=False),
    Index(None, "query_id", "path"),
    Index(None, "path"),
)
"""What a user said of hits; of several about the same the latest counts."""

PRIVATE_WORDS = Table(
    "private_words",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("word", String(collation="NOCASE"), nullable=False, unique=True),
    Column("added_at", DateTime, nullable=False),
)
"""Words that a user has taught the library."""

WORD_EXAMPLES = Table(
    "word_examples",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("word_id", ForeignKey("private_words.id", ondelete="CASCADE"), nullable=False),
    Column("path", PathBytes, nullable=False),  # where it came from
    Column("content_hash", LargeBinary, nullable=False),  # of that file
    Column("picture", LargeBinary, nullable=False),  # the photo, reduced: it is there when the file is gone
    Column("added_at", DateTime, nullable=False),
    UniqueConstraint("word_id", "content_hash"),
)
"""The photos that say what a private word means."""

EXAMPLE_EMBEDDINGS = Table(
    "example_embeddings",
    METADATA,
    Column("example_id", ForeignKey("word_examples.id", ondelete="CASCADE"), primary_key=True),
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
"""The unit-length vector of each example under each encoder, as little-endian float16; made anew where missing."""

VERSIONS = Table(
    "versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),  # "adapter" or "lora"
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), nullable=False),  # what it was learnt on
    Column(
        "parent_id", ForeignKey("versions.id", ondelete="SET NULL")
    ),  # what was active then; NULL: the plain encoder
    Column("weights", LargeBinary),  # of an adapter
    Column("name", String),  # of a lora: the encoder that it made
    Column("receipt", JSON, nullable=False),  # what the gate measured, and its verdict
    Column("made_at", DateTime, nullable=False),
    sqlite_autoincrement=True,  # people roll back by number
)
"""What was learnt from judgements; `meta` says which one is active."""
