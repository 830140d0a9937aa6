"""The first schema: sources, items, units, encoders, embeddings.

Revision: r0001, after nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "encoders",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("dim", sa.Integer, nullable=False),
        sa.Column("preprocess", sa.JSON, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_encoders"),
        sa.UniqueConstraint("fingerprint", name="uq_encoders_fingerprint"),
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("exclude", sa.JSON, nullable=False),
        sa.Column("include_hidden", sa.Boolean, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.Column("synced_at", sa.DateTime),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("root", name="uq_sources_root"),
    )
    _create_items()
    _create_units()


def _create_units() -> None:
    op.create_table(
        "units",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_units"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_units_item_id", ondelete="CASCADE"),
        sa.UniqueConstraint("item_id", "position", name="uq_units_item_id_position"),
    )
    op.create_table(
        "embeddings",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("unit_id", sa.Integer, nullable=False),
        sa.Column("encoder_id", sa.Integer, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_embeddings"),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name="fk_embeddings_unit_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], name="fk_embeddings_encoder_id", ondelete="CASCADE"),
        sa.UniqueConstraint("unit_id", "encoder_id", name="uq_embeddings_unit_id_encoder_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_embeddings_encoder_id_id", "embeddings", ["encoder_id", "id"])


def _create_items() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("modality", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("mtime_ns", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.LargeBinary),
        sa.Column("format", sa.String),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("taken_at", sa.DateTime),
        sa.Column("taken_from", sa.String),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("camera", sa.String),
        sa.Column("failure", sa.String),
        sa.Column("failure_message", sa.String),
        sa.Column("indexed_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_items_source_id", ondelete="CASCADE"),
        sa.UniqueConstraint("path", name="uq_items_path"),
    )
    op.create_index("ix_items_size_content_hash", "items", ["size", "content_hash"])
    op.create_index("ix_items_taken_at", "items", ["taken_at"])
    op.create_index("ix_items_source_id", "items", ["source_id"])
