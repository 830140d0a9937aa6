"""Keys of names and labels that ignore case and Unicode spelling in every language.

Revision: r0008, after r0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from indexer.catalog.text_key import text_key

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

LABELS = {"tags": "tag", "people": "person", "places": "place"}


def upgrade() -> None:
    """Fill the keys of labels, and rewrite the names of items that have other letters than ASCII."""
    connection = op.get_bind()
    for table, column in LABELS.items():
        op.add_column(table, sa.Column("key", sa.String))
        labels = sa.table(table, sa.column(column), sa.column("key"))
        texts = connection.scalars(sa.select(labels.c[column]).distinct()).all()
        _update(labels, labels.c[column], "key", {text: text_key(text) for text in texts})
        op.drop_index(f"ix_{table}_{column}_item_id", table)
        op.create_index(f"ix_{table}_key_item_id", table, ["key", "item_id"])
    items = sa.table("items", sa.column("name"))
    names = connection.scalars(sa.select(items.c.name).distinct().where(items.c.name.op("GLOB")("*[^ -~]*"))).all()
    _update(items, items.c.name, "name", {name: text_key(name) for name in names})


def _update(table: sa.TableClause, column: sa.ColumnElement[str], target: str, values: dict[str, str]) -> None:
    rows = [{"old": old, "new": new} for old, new in values.items()]
    if rows:
        of_value = sa.update(table).where(column == sa.bindparam("old"))
        op.get_bind().execute(of_value.values({target: sa.bindparam("new")}), rows)
