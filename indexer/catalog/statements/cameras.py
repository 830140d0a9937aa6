"""The statement that lists the cameras of the library."""

from __future__ import annotations

from sqlalchemy import Connection, select

from indexer.catalog.filters.patterns import distinct_values
from indexer.catalog.schema import ITEMS


def camera_names(connection: Connection) -> list[str]:
    """Return the names of all cameras that photos of the library have."""
    values = distinct_values(ITEMS.c.camera)
    return list(connection.scalars(select(values.c.value).where(values.c.value.is_not(None))))
