"""The tables of a new library on a server."""

from __future__ import annotations

from sqlalchemy import Connection, text

from indexer.catalog.schema import METADATA


def create(connection: Connection) -> None:
    """Make all tables in the schema of a connection."""
    connection.execute(text("CREATE COLLATION \"NOCASE\" (provider = libc, locale = 'C')"))
    METADATA.create_all(connection)
