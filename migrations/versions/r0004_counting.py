"""Indexes for counts, failures, pictures of rows and approximate embeddings in a large catalog.

Revision: r0004, after r0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes; the partial ones have few rows or none in most libraries."""
    op.drop_index("ix_items_source_id", "items")
    op.create_index("ix_items_source_id_modality_failure", "items", ["source_id", "modality", "failure"])
    _add_partial("ix_items_failed", "items", ["path"], "failure IS NOT NULL")
    _add_partial("ix_items_picture", "items", ["picture"], "picture IS NOT NULL")
    _add_partial("ix_embeddings_mapped", "embeddings", ["encoder_id", "unit_id"], "mapped IS 1")


def _add_partial(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(condition))
