"""Items that apps add: collections, their metadata and their pictures.

Revision: r0012, after r0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0012"
down_revision = "r0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column("sources", sa.Column("collection", sa.String))
    op.add_column("items", sa.Column("uri", sa.String))
    op.add_column("items", sa.Column("text", sa.String))
    op.add_column("items", sa.Column("metadata", sa.JSON))
    op.create_table(
        "metadata_values",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("text", sa.String),
        sa.Column("number", sa.Double),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_metadata_values_item_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id", "key", "position", name="pk_metadata_values"),
        sqlite_with_rowid=False,
    )
    for column in ("text", "number"):
        op.create_index(
            f"ix_metadata_values_key_{column}_item_id",
            "metadata_values",
            ["key", column, "item_id"],
            sqlite_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_table(
        "metadata_keys",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_metadata_keys"),
    )
    op.create_table(
        "item_pictures",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_item_pictures_item_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id", name="pk_item_pictures"),
    )
    op.create_index("ix_item_pictures_hash", "item_pictures", ["hash"])
