"""Connect to the server of a catalog, and turn its errors into Recall's."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from indexer.catalog.postgresql import driver
from indexer.catalog.row_errors import is_of_a_row
from indexer.database_url import DatabaseUrl
from indexer.errors import ConnectionLostError, StorageError

OLDEST_VERSION = 14
"""The oldest server that works: the one before it got its last corrections in November 2025."""

_CONNECT_SECONDS = 10
"""Seconds to wait for a connection, unless the URL says otherwise."""

_KEEPALIVES = {"keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 2}
"""Seconds and number of looks at whether the other side is there: 7 s of silence end a connection on both sides.

A writer whose network is cut loses the write lock then.
"""

_UNSENT_MILLISECONDS = 8000
"""Time after which a connection ends if what was sent does not arrive."""

_LOST_STATES = ("57P01", "57P02", "57P03")
"""The server is stopped, has crashed, or does not let anybody in yet."""

_ADVICE = {
    ("53100",): "the disk of the server of {url} is full; committed work is safe; free some space on it",
    ("42501",): "the user of {url} lacks a right ({reason}); the database's administrator can grant it",
    ("25006",): "the server of {url} is a copy that can only be read ({reason}); name the server itself",
    ("55P03", "40P01", "57014"): "another program locked the catalog of {url} for too long ({reason}); try again later",
    ("54000",): "a path or a text is too long for the server of {url} ({reason}); make it shorter, and run it again",
    ("42P01", "3F000", "42883", "42703"): "the schema {schema} of {url} lacks something ({reason}); restore a backup",
}
"""What Recall says of an error, by its SQLSTATE."""


def connect(url: DatabaseUrl, name: str = "recall") -> psycopg.Connection[Any]:
    """Return a new connection, whose tables are those of the library's schema.

    Args:
        url: The library.
        name: What others see of the connection.

    Raises:
        ConnectionLostError: The server does not answer.
        StorageError: It does not let this user in, or is too old.
    """
    settings: dict[str, str | int] = {f"tcp_{key}": value for key, value in _KEEPALIVES.items()}
    settings |= {"search_path": f'"{url.schema}",public', "tcp_user_timeout": _UNSENT_MILLISECONDS}
    arguments: dict[str, str | int] = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _UNSENT_MILLISECONDS,
        "options": " ".join(f"-c {key}={value}" for key, value in settings.items()),
        "application_name": name,
        "client_encoding": "utf8",
    }
    arguments |= _KEEPALIVES
    arguments |= url.connect_arguments()
    try:
        connection = psycopg.connect(make_conninfo("", **arguments))
    except psycopg.Error as error:
        raise _refusal(url, str(error)) from error
    driver.prepare(connection)
    try:
        check_server(url, connection.info.server_version, connection.info.parameter_status("server_encoding") or "UTF8")
    except BaseException:
        connection.close()
        raise
    return connection


def check_server(url: DatabaseUrl, version: int, encoding: str) -> None:
    """Refuse a server or a database in which a library cannot be.

    Args:
        url: The library, for the message.
        version: The server's version as it says itself, for instance 180004.
        encoding: The encoding of the database.

    Raises:
        StorageError: The server is too old, or the database cannot have all letters.
    """
    if version < OLDEST_VERSION * 10000:
        raise StorageError(
            f"the server of {url} is PostgreSQL {version // 10000}.{version % 10000}; expected {OLDEST_VERSION} or "
            "later"
        )
    if encoding != "UTF8":
        raise StorageError(f"the database of {url} has the encoding {encoding}; expected one that was made with UTF8")


class Engines(NamedTuple):
    """An engine, and two views of it: the connections of `reader` see one state until they are given back."""

    engine: Engine
    reader: Engine
    writer: Engine


def open_engine(connect_: Callable[[], psycopg.Connection[Any]]) -> Engines:
    """Return an engine over connections that a function makes, and its views."""
    engine = create_engine("postgresql+psycopg://", creator=connect_, use_native_hstore=False)
    return Engines(
        engine,
        reader=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        writer=engine.execution_options(isolation_level="READ COMMITTED"),
    )


def is_lost(error: BaseException) -> bool:
    """Return whether an error means that a connection has ended, and not that a statement is wrong."""
    if isinstance(error, ConnectionLostError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig or error
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate[:2] == "08" or error.sqlstate in _LOST_STATES


@contextmanager
def storage_errors(url: DatabaseUrl, folder: Path) -> Iterator[None]:
    """Turn errors of the server and of this machine's disk into a StorageError with advice.

    Args:
        url: The library, for the message.
        folder: What this machine keeps of it.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        raise _error_of(url, error) from error
    except PoolTimeoutError as error:
        raise StorageError(
            f"too many threads use {url} at the same time, and no connection became free in 30 seconds; try again later"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"the disk of {folder}, with this machine's files of {url}, is full; committed work is safe; free some "
                "space and run the command again"
            ) from error
        raise StorageError(f"the files of {url} in {folder} cannot be used: {error.strerror or error}") from error
    except (ValueError, TypeError, OverflowError, InvalidRequestError) as error:
        if not is_of_a_row(error):
            raise
        reason = str(error).splitlines()[0][:120]
        raise StorageError(f"the catalog of {url} is damaged (malformed value: {reason}); restore it") from error


def _error_of(url: DatabaseUrl, error: DBAPIError | psycopg.Error) -> StorageError:
    """Return what Recall says of an error in a statement."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = (original.sqlstate if isinstance(original, psycopg.Error) else None) or ""
    said = original.diag.message_primary if isinstance(original, psycopg.Error) else None
    reason = (said or str(original)).splitlines()[0][:200] if str(original) else "no reason given"
    if is_lost(error):
        lost = ConnectionLostError(
            f"the connection to {url} was lost ({reason}); committed work is safe; run it again once the server answers"
        )
        lost.was_connected = True
        return lost
    for states, advice in _ADVICE.items():
        if state in states:
            return StorageError(advice.format(url=url, schema=url.schema, reason=reason))
    return StorageError(f"the catalog of {url} cannot be used: {reason}")


def _refusal(url: DatabaseUrl, text: str) -> StorageError:
    """Return what Recall says of a connection that did not come about; the words are those of libpq and the server."""
    line = next((line for line in text.splitlines() if "failed: " in line or "FATAL:" in line), text.partition("\n")[0])
    reason = re.sub(r"^.*(?:failed: |FATAL: )\s*", "", line).strip().rstrip(".")[:200]
    if "password" in text or "authentication failed" in text:
        return StorageError(
            f"the server of {url} does not let the user in ({reason}); give the password by PGPASSWORD, a .pgpass file "
            "or a service file"
        )
    if re.search(r'database ".*" does not exist', text):
        return StorageError(f"the server of {url} has no database {url.database!r}; correct the URL, or run: createdb")
    if re.search(r'role ".*" does not exist|pg_hba\.conf|permission denied for database', text):
        return StorageError(f"the server of {url} does not let the user in ({reason}); its administrator can do that")
    if "invalid connection option" in text or "definition of service" in text or "service file" in text:
        return StorageError(f"{url} cannot be used: {reason}")
    return ConnectionLostError(f"the server of {url} does not answer ({reason}); start it, or correct the URL")
