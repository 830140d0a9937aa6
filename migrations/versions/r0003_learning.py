"""Judgements, private words, versions of adapters and encoders, and maps between encoders.

Revision: r0003, after r0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and a column that marks approximate embeddings."""
    op.add_column("embeddings", sa.Column("mapped", sa.Boolean, nullable=False, server_default="0"))
    _add_maps()
    _add_queries()
    _add_judgements()
    _add_words()
    _add_versions()


def _add_maps() -> None:
    op.create_table(
        "encoder_maps",
        sa.Column("old_id", sa.Integer, nullable=False),
        sa.Column("new_id", sa.Integer, nullable=False),
        sa.Column("matrix", sa.LargeBinary, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("old_id", "new_id", name="pk_encoder_maps"),
        _refers("encoder_maps", "old_id", "encoders.id", "CASCADE"),
        _refers("encoder_maps", "new_id", "encoders.id", "CASCADE"),
    )


def _add_queries() -> None:
    op.create_table(
        "queries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_queries"),
        sa.UniqueConstraint("key", name="uq_queries_key"),
    )
    op.create_table(
        "showings",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("query_id", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("shown_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_showings"),
        _refers("showings", "query_id", "queries.id", "CASCADE"),
    )
    op.create_index("ix_showings_query_id", "showings", ["query_id"])


def _add_judgements() -> None:
    op.create_table(
        "shown",
        sa.Column("showing_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("score", sa.Double),
        sa.PrimaryKeyConstraint("showing_id", "position", name="pk_shown"),
        _refers("shown", "showing_id", "showings.id", "CASCADE"),
    )
    op.create_index("ix_shown_path", "shown", ["path"])
    op.create_table(
        "judgements",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("query_id", sa.Integer, nullable=False),
        sa.Column("showing_id", sa.Integer),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.LargeBinary),
        sa.Column("is_good", sa.Boolean, nullable=False),
        sa.Column("judged_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judgements"),
        _refers("judgements", "query_id", "queries.id", "CASCADE"),
        _refers("judgements", "showing_id", "showings.id", "SET NULL"),
    )
    op.create_index("ix_judgements_query_id_path", "judgements", ["query_id", "path"])
    op.create_index("ix_judgements_path", "judgements", ["path"])


def _add_words() -> None:
    op.create_table(
        "private_words",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("word", sa.String(collation="NOCASE"), nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_private_words"),
        sa.UniqueConstraint("word", name="uq_private_words_word"),
    )
    op.create_table(
        "word_examples",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("word_id", sa.Integer, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("picture", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_word_examples"),
        sa.UniqueConstraint("word_id", "content_hash", name="uq_word_examples_word_id_content_hash"),
        _refers("word_examples", "word_id", "private_words.id", "CASCADE"),
    )
    op.create_table(
        "example_embeddings",
        sa.Column("example_id", sa.Integer, nullable=False),
        sa.Column("encoder_id", sa.Integer, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("example_id", "encoder_id", name="pk_example_embeddings"),
        _refers("example_embeddings", "example_id", "word_examples.id", "CASCADE"),
        _refers("example_embeddings", "encoder_id", "encoders.id", "CASCADE"),
    )


def _add_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("encoder_id", sa.Integer, nullable=False),
        sa.Column("parent_id", sa.Integer),
        sa.Column("weights", sa.LargeBinary),
        sa.Column("name", sa.String),
        sa.Column("receipt", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        _refers("versions", "encoder_id", "encoders.id", "CASCADE"),
        _refers("versions", "parent_id", "versions.id", "SET NULL"),
        sqlite_autoincrement=True,
    )


def _refers(table: str, column: str, to: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}", ondelete=on_delete)
