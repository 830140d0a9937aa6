"""The tables of judgements, private words, and versions learned from them."""

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
)

from indexer.catalog.column_types import LABEL, NUMBER, TEXT, VECTOR, PathBytes
from indexer.catalog.schema_base import METADATA

QUERIES = Table(
    "queries",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("key", TEXT, nullable=False, unique=True),  # parts and weights as JSON
    Column("parts", JSON, nullable=False),  # texts, images (paths) and weights, see `retrieval.feedback`
    Column("asked_at", DateTime, nullable=False),
)
"""Queries whose hits were judged."""

IMPRESSIONS = Table(
    "showings",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("query_id", ForeignKey("queries.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", TEXT, nullable=False),  # of the encoder that ranked them, its adapter included
    Column("shown_at", DateTime, nullable=False),
    Index(None, "query_id"),
)
"""Impressions: each time that hits of a query were shown for judging."""

IMPRESSION_HITS = Table(
    "shown",
    METADATA,
    Column("showing_id", ForeignKey("showings.id", ondelete="CASCADE"), primary_key=True),
    Column("position", NUMBER, primary_key=True),  # from 1 for the best
    Column("path", PathBytes, nullable=False),  # of the item, which may be gone by now
    Column("score", Double),
    Index(None, "path"),
)
"""The hits of each impression, in order."""

JUDGEMENTS = Table(
    "judgements",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("query_id", ForeignKey("queries.id", ondelete="CASCADE"), nullable=False),
    Column("showing_id", ForeignKey("showings.id", ondelete="SET NULL")),  # NULL: judged without an impression
    Column("path", PathBytes, nullable=False),  # of the item, which may leave the library and come back
    Column("content_hash", LargeBinary),  # of its file at that time: finds items that moved
    Column("is_good", Boolean, nullable=False),
    Column("judged_at", DateTime, nullable=False),
    Index(None, "query_id", "path"),
    Index(None, "path"),
)
"""Users' verdicts on hits; the latest verdict on a query and an item counts."""

PRIVATE_WORDS = Table(
    "private_words",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("word", LABEL, nullable=False, unique=True),
    Column("added_at", DateTime, nullable=False),
)
"""Private words that a user taught the library."""

WORD_EXAMPLES = Table(
    "word_examples",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("word_id", ForeignKey("private_words.id", ondelete="CASCADE"), nullable=False),
    Column("path", PathBytes, nullable=False),  # the original file
    Column("content_hash", LargeBinary, nullable=False),  # of the original file
    Column("picture", LargeBinary, nullable=False),  # a reduced JPEG: it outlives the original file
    Column("added_at", DateTime, nullable=False),
    UniqueConstraint("word_id", "content_hash"),
)
"""Example photos of private words."""

EXAMPLE_EMBEDDINGS = Table(
    "example_embeddings",
    METADATA,
    Column("example_id", ForeignKey("word_examples.id", ondelete="CASCADE"), primary_key=True),
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True),
    Column("vector", VECTOR, nullable=False),
)
"""The unit-length vector of each example under each encoder, as little-endian float16; encoded on demand."""

VERSIONS = Table(
    "versions",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("kind", TEXT, nullable=False),  # "adapter" or "lora"
    Column("encoder_id", ForeignKey("encoders.id", ondelete="CASCADE"), nullable=False),  # trained on it
    Column("parent_id", ForeignKey("versions.id", ondelete="SET NULL")),  # active at that time; NULL: plain encoder
    Column("weights", LargeBinary),  # of an adapter
    Column("name", TEXT),  # of a lora: the fine-tuned encoder
    Column("receipt", JSON, nullable=False),  # the tuning report: measurements and verdict of the gate
    Column("made_at", DateTime, nullable=False),
    sqlite_autoincrement=True,  # people roll back by number
)
"""Adapters and fine-tuned encoders learned from judgements; `meta` names the active one."""
