"""Texts, more metadata, tags and full-text search.

Revision: r0002, after r0001.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

ITEM_COLUMNS = (
    ("name", sa.String),
    ("picture", sa.LargeBinary),
    ("sidecar_mtime_ns", sa.Integer),
    ("utc_offset", sa.Integer),
    ("lens", sa.String),
    ("rating", sa.Integer),
    ("title", sa.String),
    ("description", sa.String),
)

FILTERED = (["name"], ["camera"], ["lens"], ["rating"], ["latitude", "longitude"])
"""Columns of items that filters use."""

WORDS = (
    """
    CREATE VIRTUAL TABLE unit_words USING fts5(
        text, content='units', content_rowid='id', tokenize="unicode61 remove_diacritics 2"
    )
    """,
    """
    CREATE TRIGGER unit_words_insert AFTER INSERT ON units WHEN new.text IS NOT NULL BEGIN
        INSERT INTO unit_words (rowid, text) VALUES (new.id, new.text);
    END
    """,
    """
    CREATE TRIGGER unit_words_delete AFTER DELETE ON units WHEN old.text IS NOT NULL BEGIN
        INSERT INTO unit_words (unit_words, rowid, text) VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER unit_words_remove BEFORE UPDATE OF text ON units WHEN old.text IS NOT NULL BEGIN
        INSERT INTO unit_words (unit_words, rowid, text) VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER unit_words_update AFTER UPDATE OF text ON units WHEN new.text IS NOT NULL BEGIN
        INSERT INTO unit_words (rowid, text) VALUES (new.id, new.text);
    END
    """,
)
"""FTS5's recipe for an external content table (sqlite.org/fts5.html, section 4.4.3)."""


def upgrade() -> None:
    """Add the columns, the tags and the full-text index."""
    for name, kind in ITEM_COLUMNS:
        op.add_column("items", sa.Column(name, kind))
    op.add_column("sources", sa.Column("columns", sa.JSON))
    op.add_column("units", sa.Column("kind", sa.String, nullable=False, server_default="photo"))
    op.add_column("units", sa.Column("text", sa.String))
    op.create_index("ix_units_kind", "units", ["kind"])
    op.create_table(
        "tags",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("tag", sa.String(collation="NOCASE"), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "tag", name="pk_tags"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_tags_item_id", ondelete="CASCADE"),
    )
    op.create_index("ix_tags_tag_item_id", "tags", ["tag", "item_id"])
    for statement in WORDS:
        op.execute(sa.text(statement))
    _name_items()
    for columns in FILTERED:
        op.create_index(f"ix_items_{'_'.join(columns)}", "items", columns)


def _name_items() -> None:
    """Fill the new column `name` of existing items."""
    connection = op.get_bind()
    items = sa.table("items", sa.column("id", sa.Integer), sa.column("path", sa.LargeBinary), sa.column("name"))
    last = 0
    while rows := connection.execute(
        sa.select(items.c.id, items.c.path).where(items.c.id > last).order_by(items.c.id).limit(5000)
    ).all():
        names = [{"key": row.id, "value": os.path.basename(row.path).decode(errors="replace").lower()} for row in rows]
        connection.execute(
            sa.update(items).where(items.c.id == sa.bindparam("key")).values(name=sa.bindparam("value")), names
        )
        last = rows[-1].id
