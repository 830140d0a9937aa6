"""The tables of a library's catalog.

They are Core tables, not mapped classes: importing SQLAlchemy's ORM takes as long as importing the rest of it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    column,
    table,
    text,
)

from indexer.catalog.column_types import LABEL, NUMBER, TEXT, VECTOR, PathBytes
from indexer.catalog.schema_base import METADATA
from indexer.catalog.schema_learning import (
    EXAMPLE_EMBEDDINGS,
    IMPRESSION_HITS,
    IMPRESSIONS,
    JUDGEMENTS,
    PRIVATE_WORDS,
    QUERIES,
    VERSIONS,
    WORD_EXAMPLES,
)

__all__ = [
    "EMBEDDINGS",
    "ENCODERS",
    "ENCODER_MAPS",
    "EXAMPLE_EMBEDDINGS",
    "IMPRESSIONS",
    "IMPRESSION_HITS",
    "ITEMS",
    "ITEM_PICTURES",
    "ITEM_WORDS",
    "JUDGEMENTS",
    "LABELS",
    "META",
    "METADATA",
    "METADATA_KEYS",
    "METADATA_VALUES",
    "OUTDATED_METADATA",
    "PEOPLE",
    "PLACES",
    "PLACE_NAMES",
    "PRIVATE_WORDS",
    "QUERIES",
    "SOURCES",
    "TAGS",
    "UNITS",
    "UNIT_WORDS",
    "UNREAD_SIDECARS",
    "VERSIONS",
    "WORD_EXAMPLES",
]


def _index(name: str | None, *columns: str, where: str, postgresql: str | None = None) -> Index:
    """Return an index of the rows that meet a condition, which PostgreSQL may need in another form."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(postgresql or where))


META = Table("meta", METADATA, Column("key", TEXT, primary_key=True), Column("value", TEXT, nullable=False))
"""Settings of the whole library, such as the active encoder."""

ENCODERS = Table(
    "encoders",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("fingerprint", TEXT, nullable=False, unique=True),
    Column("dim", NUMBER, nullable=False),
    Column("preprocess", JSON, nullable=False),  # fields of Preprocess: photos are decoded before the encoder loads
    Column("added_at", DateTime, nullable=False),
)
"""Encoders that the library has, or had, embeddings of."""

SOURCES = Table(
    "sources",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("root", PathBytes, nullable=False, unique=True),
    Column("exclude", JSON, nullable=False),
    Column("include_hidden", Boolean, nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("synced_at", DateTime),
    Column("columns", JSON),  # of a table: the roles of its columns, see `indexer.documents.table.Columns`
    Column("mounts", JSON),  # folders in it that are on another disk, see `indexer.sync.mounts`
    Column("collection", TEXT),  # name of a collection, whose items an app added; NULL for what a sync reads
)
"""Folders, files and tables that were indexed, which a later sync reads again, and collections of added items."""

ITEMS = Table(
    "items",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("path", PathBytes, nullable=False, unique=True),  # of a table row: the table's path, NUL, the row's id;
    # of an added item: "collection:", the collection's name, NUL, the item's id
    Column("name", TEXT),  # the file's name as `text_key` returns it, for filters
    Column("picture", PathBytes),  # of a table row or an added item: the file of its picture
    Column("modality", TEXT, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("mtime_ns", NUMBER, nullable=False),
    Column("ctime_ns", NUMBER),  # time of the last change of its file's content or attributes
    Column("sidecar_mtime_ns", NUMBER),  # of its sidecar; of several, a number that changes with them
    Column("sidecar_size", NUMBER),
    Column("sidecar_ctime_ns", NUMBER),
    Column("sidecar_hash", LargeBinary),
    Column("content_hash", LargeBinary),
    Column("format", TEXT),
    Column("width", NUMBER),
    Column("height", NUMBER),
    Column("taken_at", DateTime),
    Column("taken_from", TEXT),  # "exif", "xmp", "iptc", "png", "takeout"; "name", "file": of the file itself
    Column("utc_offset", NUMBER),  # minutes that `taken_at` is ahead of UTC, if the camera says
    *(Column(name, Double) for name in ("latitude", "longitude")),
    *(Column(name, TEXT) for name in ("camera", "lens")),
    Column("rating", NUMBER),  # 0 to 5; -1 is rejected
    *(Column(name, TEXT) for name in ("title", "description", "failure", "failure_message")),
    Column("indexed_at", DateTime, nullable=False),
    Column("uri", TEXT),  # the next three: of an added item, as the app gave them
    Column("text", TEXT),
    Column("metadata", JSON(none_as_null=True)),
    Index(None, "size", "content_hash"),
    Index(None, "taken_at"),
    Index(None, "source_id", "modality", "failure"),  # covers the counts of `statements.counts`
    _index("ix_items_failed", "path", where="failure IS NOT NULL"),
    _index(None, "picture", where="picture IS NOT NULL"),
    Index(None, "name"),
    Index(None, "camera"),
    Index(None, "lens"),
    Index(None, "rating"),
    Index(None, "latitude", "longitude"),
)
"""Photos, documents and table rows; an item that could not be indexed has `failure` set and no units."""


def _labels(name: str, column: str, *more: Column[str]) -> Table:
    """Return a table that lists texts of items."""
    return Table(
        name,
        METADATA,
        Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
        Column(column, LABEL, primary_key=True),
        Column("key", TEXT),  # for filters, see `text_key`
        *more,
        Index(None, "key", "item_id"),
    )


TAGS = _labels("tags", "tag")
"""Keywords of items."""

PEOPLE = _labels("people", "person")
"""Names of the people in photos."""

PLACES = _labels("places", "place", Column("origin", TEXT))
"""Names of the places where photos were taken or that they show. The origin of those that the gazetteer has for a
position is what it names: "town", "region" or "country"; NULL for those in the metadata."""

PLACE_NAMES = Table(
    "place_names",
    METADATA,
    Column("key", TEXT, primary_key=True),  # another name, as `text_key` returns it
    Column("place", TEXT, primary_key=True),  # as `text_key` returns it
)
"""Other names of the places that the gazetteer found: "cologne" and "koln" for "köln"."""

LABELS = {"tags": TAGS.c.tag, "people": PEOPLE.c.person, "places": PLACES.c.place}
"""The text of each kind of label."""

METADATA_VALUES = Table(
    "metadata_values",
    METADATA,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("position", NUMBER, primary_key=True),  # in a list; 0 for a single value
    Column("text", TEXT),
    Column("number", Double),  # False is 0, True is 1
    _index(None, "key", "text", "item_id", where="text IS NOT NULL"),
    _index(None, "key", "number", "item_id", where="number IS NOT NULL"),
    sqlite_with_rowid=False,
)
"""The values in the metadata of added items, for filters; a value of None has no row."""

METADATA_KEYS = Table(
    "metadata_keys",
    METADATA,
    Column("key", TEXT, primary_key=True),
    Column("type", TEXT, nullable=False),  # "text", "number", "boolean" or "list", of texts
)
"""The type that the values of each key in the metadata of added items have."""

ITEM_PICTURES = Table(
    "item_pictures",
    METADATA,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", TEXT, nullable=False),  # "original" or "preview"
    Column("hash", LargeBinary, nullable=False),  # SHA-256 of the picture's bytes
    Column("data", LargeBinary),  # NULL: in the library's folder `pictures`, under its hash
    Index(None, "hash"),
)
"""Stored pictures of added items."""

UNREAD_SIDECARS = Table(
    "unread_sidecars",
    METADATA,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("path", PathBytes, primary_key=True),  # of the sidecar
    Column("kind", TEXT, nullable=False),  # a FailureKind
    Column("message", TEXT, nullable=False),
)
"""Sidecars of indexed photos that could not be read when the photo was, and why."""

OUTDATED_METADATA = Table(
    "outdated_metadata",
    METADATA,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
)
"""Photos whose metadata was read by a version that reads less; a migration lists them, the next sync reads it again."""

UNITS = Table(
    "units",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), nullable=False),
    Column("position", NUMBER, nullable=False),
    Column("kind", TEXT, nullable=False, server_default="photo"),  # a Modality
    Column("text", TEXT),  # of a text: the chunk; of a photo: its searchable metadata, for full-text search only
    UniqueConstraint("item_id", "position"),
    Index(None, "kind"),
)
"""What gets an embedding: whole photos and chunks of text."""

UNIT_WORDS = table("unit_words", column("rowid"), column("unit_words"), column("text"))
"""SQLite's full-text index (FTS5) over `units.text`; rowids are unit ids. Triggers, created by r0002, update it."""

ITEM_WORDS = table("item_words", column("rowid"), column("item_words"), column("words"))
"""SQLite's full-text index (FTS5) over the names of items, see `indexer.catalog.words.item_words`; rowids are item ids.
A trigger, created by r0010, deletes those of deleted items."""

EMBEDDINGS = Table(
    "embeddings",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("unit_id", ForeignKey("units.id", ondelete="CASCADE"), nullable=False),
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), nullable=False),
    Column("vector", VECTOR, nullable=False),
    Column("mapped", Boolean, nullable=False, server_default="0"),  # approximate, see ENCODER_MAPS
    UniqueConstraint("unit_id", "encoder_id"),
    Index(None, "encoder_id", "id"),
    _index("ix_embeddings_mapped", "encoder_id", "unit_id", where="mapped IS 1", postgresql="mapped IS TRUE"),
    sqlite_autoincrement=True,  # ids are never reused: the index's watermark relies on it
)
"""The unit-length vector of each unit under each encoder, as little-endian float16."""

ENCODER_MAPS = Table(
    "encoder_maps",
    METADATA,
    Column("old_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("new_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("matrix", LargeBinary, nullable=False),  # little-endian float32, (old dim + 1) rows, (new dim) columns
    Column("about", JSON, nullable=False),  # what was measured when it was fitted
    Column("made_at", DateTime, nullable=False),
)
"""Linear maps between encoders. An old embedding times the matrix approximates the new one until re-encoding."""
