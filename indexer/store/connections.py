"""The connections to an open catalog, which change when a library that only could be read is written by another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from indexer.catalog.engine import Access, access_to, keep_log_files, log_files, open_engine
from indexer.errors import LibraryError, StorageError

_Stamp = tuple[int, int, int]
"""Inode, size and modification time (nanoseconds) of a file."""


class Connections:
    """Connections to a catalog; safe to use from several threads."""

    def __init__(self, catalog: Path, *, read_only: bool = False) -> None:
        """Prepare connections; the file is opened when the first one is used."""
        self._catalog = catalog
        self._read_only = read_only
        self._lock = threading.Lock()
        self._openings = 0
        self._is_closed = False
        self._open()

    @property
    def engine(self) -> Engine:
        """The engine of the connections, for migrations and VACUUM."""
        self.check_open()
        return self._engine

    def close(self) -> None:
        """Close all connections. Calling it twice is safe."""
        if self._is_closed:
            return
        self._is_closed = True
        self._dispose()
        if self._access is Access.WRITE:
            keep_log_files(self._catalog)

    def check_open(self) -> None:
        """Refuse the use of a closed library.

        Raises:
            LibraryError: It is closed.
        """
        if self._is_closed:
            raise LibraryError(f"the library {self._catalog.parent} is closed; open it again with Library.open")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see the same state of the catalog.

        Raises:
            StorageError: Another process has begun to write the catalog meanwhile; what was read may be wrong.
        """
        self.check_open()
        self._notice_writer()
        stamp = self._stamp
        try:
            with self._engine.connect() as connection:
                yield connection
        finally:  # also after an error, which may come from reading two states
            if stamp is not None and self._is_written(stamp):
                raise StorageError(
                    f"{self._catalog.parent} was written by another process while it was read; try again"
                )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes are committed together at the end, or rolled back on an error."""
        self.check_open()
        with self._engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA trusted_schema = ON")  # for the triggers, which were checked at opening
            try:
                yield connection
            finally:
                with suppress(SQLAlchemyError):
                    connection.exec_driver_sql("PRAGMA trusted_schema = OFF")

    def data_version(self) -> int:
        """Return a number that changes whenever another connection, here or elsewhere, has changed the catalog."""
        self.check_open()
        self._notice_writer()
        with self._lock:  # a connection is for one thread at a time
            cursor = self._version_connection.cursor()
            try:
                version = int(cursor.execute("PRAGMA data_version").fetchone()[0])
            finally:
                cursor.close()
            return (self._openings << 32) + version

    def _open(self) -> None:
        self._access = access_to(self._catalog, read_only=self._read_only)
        self._stamp = _stamp_of(self._catalog) if self._access is Access.IMMUTABLE else None
        self._engine = open_engine(self._catalog, self._access, trusts_schema=False)  # it may be from somebody else
        try:
            self._version_connection = self._engine.raw_connection()  # its `data_version` shows others' commits
        except BaseException:
            self._engine.dispose()
            raise
        self._openings += 1

    def _dispose(self) -> None:
        self._version_connection.close()
        self._engine.dispose()

    def _notice_writer(self) -> None:
        """Open the catalog again if it was opened as one that nobody writes, and somebody does."""
        if self._access is not Access.IMMUTABLE:
            return
        with self._lock:
            stamp = self._stamp
            if stamp is not None and self._is_written(stamp):
                self._dispose()  # connections in use stay open until they are given back
                self._open()

    def _is_written(self, stamp: _Stamp) -> bool:
        return _stamp_of(self._catalog) != stamp or any(file.exists() for file in log_files(self._catalog))


def _stamp_of(file: Path) -> _Stamp:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
