"""List the photos whose metadata is to be read again, because people, places and more are read now.

Photos that were called damaged are tried again, because more kinds of files are read now: they lose their recorded
modification time.

Revision: r0009, after r0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, with all photos that are files."""
    op.create_table(
        "outdated_metadata",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_outdated_metadata"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_outdated_metadata_item_id", ondelete="CASCADE"),
    )
    op.execute(
        "INSERT INTO outdated_metadata SELECT id FROM items "
        "WHERE modality = 'photo' AND failure IS NULL AND picture IS NULL"
    )
    op.execute("UPDATE items SET mtime_ns = -1 WHERE failure IN ('damaged', 'not-a-picture') AND picture IS NULL")
