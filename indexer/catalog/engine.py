"""Opens the catalog's database file, and turns the database's errors into ours."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from indexer.catalog.filters.geo import distance_km
from indexer.errors import StorageError

WAL_LIMIT_BYTES = 16 * 2**20
"""What the file of the log is cut to when it was larger: SQLite folds it in from 4 MB on."""

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a statement waits for another process's transaction; a batch is committed in milliseconds."""


def open_engine(path: Path) -> Engine:
    """Return an engine over the SQLite file at `path`; one that may not be written is opened for reading only.

    Transactions are explicit (BEGIN is sent by us, not by the driver), so that a SELECT sees one snapshot and a
    migration is one transaction.
    """
    uri = f"file:{quote(os.fsencode(path.absolute()))}{_mode(path)}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False, isolation_level=None
        )
        connection.create_function("distance_km", 4, distance_km, deterministic=True)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")  # a batch is on the disk when it is committed
        return connection

    engine = create_engine("sqlite:///catalog.db", creator=connect)  # the URL only chooses the dialect and the pool

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _mode(path: Path) -> str:
    """Return how to open the file, as the query of its URI."""
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return ""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return "?mode=ro"  # another process writes, or was killed: what it committed stands in the log
    return "?immutable=1"  # on a read-only medium SQLite cannot make the files by which readers and a writer agree


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the database or the disk says into a StorageError that says what to do.

    Args:
        path: The library, for the message.
    """
    try:
        yield
    except DatabaseError as error:
        raise StorageError(_advice(path, str(error.orig))) from error
    except sqlite3.DatabaseError as error:
        raise StorageError(_advice(path, str(error))) from error
    except OSError as error:
        raise StorageError(_advice(path, f"{error.strerror or error}")) from error


def _advice(path: Path, said: str) -> str:
    low = said.lower()
    if "full" in low or "no space" in low or ("i/o error" in low and _is_full(path)):
        return f"the disk of {path} is full; what was committed is kept: free some space and run the command again"
    if "readonly" in low or "read-only" in low or "permission denied" in low or "unable to open" in low:
        return f"{path} cannot be written ({said}); make it writable or name another library with --library"
    if "malformed" in low or "not a database" in low:
        return f"the catalog of {path} is damaged ({said}); restore it from a backup or index into a new library"
    if "locked" in low:
        return f"the catalog of {path} was locked for {BUSY_TIMEOUT_SECONDS:.0f} s by another process; try again later"
    return f"the catalog of {path} cannot be used: {said}"


def _is_full(path: Path) -> bool:
    """Return whether the disk of a library has no room for the small files that SQLite makes even to read."""
    try:
        return shutil.disk_usage(path).free < 64 * 1024  # the -shm file has 32 kB, the -wal file grows from nothing
    except OSError:
        return False
