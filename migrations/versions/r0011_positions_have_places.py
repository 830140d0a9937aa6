"""The origin of places, and their other names: positions get the names of town, region and country.

The next sync names the places of existing photos.

Revision: r0011, after r0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("places", sa.Column("origin", sa.String))
    op.create_table(
        "place_names",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("key", "place", name="pk_place_names"),
    )
