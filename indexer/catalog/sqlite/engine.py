"""Open the catalog's database file, and turn database errors into Recall's."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, InvalidRequestError

from indexer.catalog.filters.geo import distance_km
from indexer.catalog.row_errors import is_of_a_row
from indexer.catalog.text_key import text_key
from indexer.errors import StorageError
from indexer.private_files import make_empty_file

WAL_LIMIT_BYTES = 16 * 2**20
"""Size in bytes that SQLite truncates the write-ahead log to after a checkpoint; it checkpoints from 4 MB."""

BUSY_TIMEOUT_SECONDS = 30.0
"""Seconds that a statement waits for another process's transaction; a batch commits in milliseconds."""


class Access(StrEnum):
    """How a catalog is opened; the value is the query string of SQLite's URI."""

    WRITE = ""
    READ = "?mode=ro"  # with the files -wal and -shm, through which SQLite sees what another process writes
    IMMUTABLE = "?immutable=1"  # without them: SQLite cannot make them, and notices no writer


def access_to(path: Path, *, read_only: bool = False) -> Access:
    """Return how the catalog at `path` can be opened by this user at this moment, with `read_only` not for writing."""
    can_write = not read_only and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if can_write or not path.exists():
        return Access.WRITE
    return Access.READ if all(file.exists() for file in log_files(path)) else Access.IMMUTABLE


def log_files(path: Path) -> tuple[Path, Path]:
    """Return the files in which SQLite keeps the write-ahead log of a catalog, and its index."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def keep_log_files(path: Path) -> None:
    """Make the log files again that SQLite deleted when it closed the catalog, empty.

    Without them a process that cannot write in the folder could not take part in SQLite's locks, and a writer that
    begins later would change the catalog while it is read.
    """
    for file in log_files(path):
        with suppress(OSError):  # another process has opened it meanwhile, or the folder cannot be written
            make_empty_file(file)


def open_engine(path: Path, access: Access = Access.WRITE, *, trusts_schema: bool = True) -> Engine:
    """Return an engine over the SQLite file at `path`.

    Without `trusts_schema`, SQLite runs nothing that the schema names and that could do harm; triggers then cannot
    write to the full-text index.

    The engine sends BEGIN itself instead of leaving it to the driver: all statements of a connection see one snapshot,
    and a migration is one transaction.
    """
    uri = f"file:{quote(os.fsencode(path.absolute()))}{access}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False, isolation_level=None
        )
        connection.create_function("distance_km", 4, distance_km, deterministic=True)
        connection.create_function("text_key", 1, text_key, deterministic=True)
        connection.execute(f"PRAGMA trusted_schema = {'ON' if trusts_schema else 'OFF'}")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")  # a committed batch survives a power failure
        return connection

    engine = create_engine("sqlite:///catalog.db", creator=connect)  # the URL only selects the dialect and the pool

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the database and the disk into a StorageError with advice.

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
    except (ValueError, TypeError, OverflowError, InvalidRequestError) as error:
        if not is_of_a_row(error):
            raise
        raise StorageError(_advice(path, f"malformed value: {str(error).splitlines()[0][:120]}")) from error


def _advice(path: Path, reason: str) -> str:
    low = reason.lower()
    if "full" in low or "no space" in low or ("i/o error" in low and _is_full(path)):
        return f"the disk of {path} is full; committed work is safe; free some space and run the command again"
    if "readonly" in low or "read-only" in low or "permission denied" in low or "unable to open" in low:
        return f"{path} cannot be written ({reason}); make it writable or name another library with --library"
    if "malformed" in low or "not a database" in low:
        return f"the catalog of {path} is damaged ({reason}); restore it from a backup or index into a new library"
    if "locked" in low:
        return f"another process locked the catalog of {path} for {BUSY_TIMEOUT_SECONDS:.0f} seconds; try again later"
    return f"the catalog of {path} cannot be used: {reason}"


def _is_full(path: Path) -> bool:
    """Return whether a disk is too full for the small files that SQLite creates even to read."""
    try:
        return shutil.disk_usage(path).free < 64 * 1024  # the -shm file takes 32 kB, the -wal file starts empty
    except OSError:
        return False
