"""The version of a catalog, which each transaction raises, and the number of its writer.

Both are in one row. A writer remembers its number when it gets the write lock, and each of its transactions raises the
version where the number is still its own. A writer that lost the lock, because its network was cut or it paused for
long, cannot commit any more: another one has raised the number. The row lock lets one transaction at a time through.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Connection, text

from indexer.database_url import DatabaseUrl
from indexer.errors import StorageError

READ = "SELECT version, xmin::text::bigint FROM catalog_state"
"""Reads the version and the transaction that wrote it, which tells a restored catalog from what it was before."""

_CREATE = """
CREATE TABLE catalog_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version bigint NOT NULL DEFAULT 0,
    writer bigint NOT NULL DEFAULT 0
)
"""

_RAISE = text("UPDATE catalog_state SET version = version + 1")
_RAISE_OWN = text("UPDATE catalog_state SET version = version + 1 WHERE writer = :writer")
_BECOME_WRITER = "UPDATE catalog_state SET writer = writer + 1 RETURNING writer"


def create(connection: Connection) -> None:
    """Make the row in a new schema."""
    connection.execute(text(_CREATE))
    connection.execute(text("INSERT INTO catalog_state DEFAULT VALUES"))


def number_of(row: tuple[int, int]) -> int:
    """Return the version as one number, from a row of `READ`."""
    return (row[0] << 32) + row[1]


def become_writer(connection: psycopg.Connection[Any]) -> int:
    """Return the number of a new writer, who has the write lock; earlier writers cannot commit from now on."""
    row = connection.execute(_BECOME_WRITER).fetchone()
    return 0 if row is None else int(row[0])


def begin(connection: Connection, url: DatabaseUrl, writer: int | None) -> None:
    """Raise the version, as the first statement of a transaction.

    Args:
        connection: The connection of the transaction.
        url: The library, for the message.
        writer: The number of the writer; None for a transaction without the write lock.

    Raises:
        StorageError: Another writer has the lock.
    """
    if writer is None:
        connection.execute(_RAISE)
    elif connection.execute(_RAISE_OWN, {"writer": writer}).rowcount != 1:
        raise StorageError(
            f"another process is the writer of {url} now, because the connection of this one was lost; committed work "
            "is safe; run the command again"
        )
