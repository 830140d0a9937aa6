"""Make the schema of a library on a server, and upgrade it to the newest revision.

A new library gets the newest schema at once. Revisions after r0012 run on both databases.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from indexer.catalog.migrate import HEAD, run_scripts
from indexer.catalog.postgresql import version
from indexer.catalog.postgresql.lock import lock_key
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryError, StorageError

_REVISION = "SELECT a.version_num FROM {schema}.alembic_version a, {schema}.catalog_state"
"""Reads the revision; of a schema that is not Recall's, one of the tables is missing."""

_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
ORDER BY relname LIMIT 3
"""

_SCHEMA_EXISTS = text("SELECT to_regnamespace(:schema) IS NOT NULL")
_IS_MADE = text("SELECT to_regclass(:table) IS NOT NULL")
_EXTENSION = text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")

_OLDEST_PGVECTOR = (0, 7)
"""The first version with halfvec."""


def read_revision(connection: psycopg.Connection[Any], url: DatabaseUrl) -> str | None:
    """Return the revision of a library's schema, or None if it is missing or empty.

    Args:
        connection: A connection in autocommit mode.
        url: The library.

    Raises:
        LibraryError: The schema belongs to another program.
    """
    try:
        row = connection.execute(sql.SQL(_REVISION).format(schema=sql.Identifier(url.schema))).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn):
        row = None
    if row is not None:
        return str(row[0])
    tables = [str(table) for (table,) in connection.execute(_TABLES, (url.schema,)).fetchall()]
    if tables:
        raise LibraryError(
            f"the schema {url.schema} of {url} belongs to another program (it has {', '.join(tables)}); name another "
            "one with ?schema=NAME"
        )
    return None


def create(engine: Engine, url: DatabaseUrl, *, timeout: float) -> None:
    """Make the library's schema, its tables and what else they need, in one transaction.

    Another process may do so at the same time; one of them makes it.

    Raises:
        StorageError: The server has no pgvector, or the user lacks a right.
    """
    from indexer.catalog.postgresql import schema  # late: with all tables

    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"SET LOCAL lock_timeout = {round(timeout * 1000)}"))
        connection.execute(_LOCK, {"key": lock_key(url, "create")})
        if connection.scalar(_IS_MADE, {"table": f'"{url.schema}".alembic_version'}):
            return  # another process was faster
        connection.execute(_LOCK, {"key": lock_key(DatabaseUrl(url.database), "extension")})  # all libraries share it
        _require_pgvector(connection, url)
        if not connection.scalar(_SCHEMA_EXISTS, {"schema": url.schema}):
            connection.execute(text(f'CREATE SCHEMA "{url.schema}"'))
        schema.create(connection)
        version.create(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection) -> None:
    """Upgrade an older schema to HEAD; the caller holds the write lock, and commits."""
    run_scripts(connection)


def _require_pgvector(connection: Connection, url: DatabaseUrl) -> None:
    """Make the extension if the database lacks it.

    Raises:
        StorageError: The server does not have it, the user may not make it, or it is too old.
    """
    found = connection.scalar(_EXTENSION)
    if found is None:
        try:
            connection.execute(text("CREATE EXTENSION vector SCHEMA public"))
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            raise StorageError(
                f"the database of {url} has no pgvector ({reason}); install it on the server, then let its "
                "administrator run in that database: CREATE EXTENSION vector SCHEMA public"
            ) from error
        found = connection.scalar(_EXTENSION)
    if tuple(int(part) for part in str(found).split(".")[:2]) < _OLDEST_PGVECTOR:
        raise StorageError(
            f"the database of {url} has pgvector {found}; expected 0.7 or later: update it, then run in that database: "
            "ALTER EXTENSION vector UPDATE"
        )
