"""Names of people and places in photos.

Revision: r0005, after r0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _add_labels("people", "person")
    _add_labels("places", "place")


def _add_labels(table: str, column: str) -> None:
    op.create_table(
        table,
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column(column, sa.String(collation="NOCASE"), nullable=False),
        sa.PrimaryKeyConstraint("item_id", column, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=f"fk_{table}_item_id", ondelete="CASCADE"),
    )
    op.create_index(f"ix_{table}_{column}_item_id", table, [column, "item_id"])
