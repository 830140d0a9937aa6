"""Change times of files and sidecars, and the disks that are mounted in a source.

Revision: r0006, after r0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty: the next sync fills them without reading a file."""
    for name in ("ctime_ns", "sidecar_size", "sidecar_ctime_ns"):
        op.add_column("items", sa.Column(name, sa.Integer))
    op.add_column("items", sa.Column("sidecar_hash", sa.LargeBinary))
    op.add_column("sources", sa.Column("mounts", sa.JSON))
