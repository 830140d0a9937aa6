"""Full-text search over the names of items: of their files, folders, cameras and lenses.

Revision: r0010, after r0009.
"""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa
from alembic import op

from indexer.catalog.words import item_words

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None

PAGE_SIZE = 5000

WORDS = (
    """
    CREATE VIRTUAL TABLE item_words USING fts5(words, tokenize="unicode61 remove_diacritics 2")
    """,
    """
    CREATE TRIGGER item_words_delete AFTER DELETE ON items BEGIN
        DELETE FROM item_words WHERE rowid = old.id;
    END
    """,
)

LABELS = (("tags", "tag"), ("people", "person"), ("places", "place"))


def upgrade() -> None:
    """Add the full-text index, and fill it with the names of existing items."""
    for statement in WORDS:
        op.execute(sa.text(statement))
    connection = op.get_bind()
    roots = [os.fsdecode(root) for root in connection.scalars(sa.text("SELECT root FROM sources"))]
    columns: list[sa.ColumnClause[Any]] = [
        sa.column(name) for name in ("id", "path", "picture", "camera", "lens", "title", "description")
    ]
    items = sa.table("items", *columns)
    insert = sa.text("INSERT INTO item_words (rowid, words) VALUES (:id, :words)")
    last = 0
    while rows := connection.execute(
        sa.select(*columns).select_from(items).where(items.c.id > last).order_by(items.c.id).limit(PAGE_SIZE)
    ).all():
        labels = _labels(connection, rows[0].id, rows[-1].id)
        words = [_words(row, roots, labels.get(row.id, [])) for row in rows]
        connection.execute(insert, [{"id": row.id, "words": text} for row, text in zip(rows, words, strict=True)])
        last = rows[-1].id


def _labels(connection: sa.Connection, first: int, last: int) -> dict[int, list[str]]:
    """Return tags, people and places of the items with these ids, by item."""
    labels: dict[int, list[str]] = {}
    for table, column in LABELS:
        of_item = sa.table(table, sa.column("item_id"), sa.column(column))
        page = sa.select(of_item).where(of_item.c.item_id.between(first, last))
        for item_id, label in connection.execute(page):
            labels.setdefault(item_id, []).append(label)
    return labels


def _words(row: Any, roots: list[str], labels: list[str]) -> str:
    """Return the words of an item; its folders are those below the outermost source."""
    path, _, key = os.fsdecode(row.path).partition("\0")
    file = path if row.picture is None else os.fsdecode(row.picture)
    above = [root for root in roots if path == root or path.startswith(root.rstrip("/") + "/")]
    root = min(above, key=len, default=os.path.dirname(path))
    names, texts = (row.camera, row.lens), (row.title, row.description, *labels)
    return item_words(file, key.partition("\0")[0], root, names, texts)
