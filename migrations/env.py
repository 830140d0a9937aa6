"""Run migrations on the connection that `indexer.catalog.migrate` passes in."""

from __future__ import annotations

from alembic import context

from indexer.catalog.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
