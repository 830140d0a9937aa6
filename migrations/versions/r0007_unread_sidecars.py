"""Sidecars that could not be read.

Revision: r0007, after r0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "unread_sidecars",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("item_id", "path", name="pk_unread_sidecars"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_unread_sidecars_item_id", ondelete="CASCADE"),
    )
