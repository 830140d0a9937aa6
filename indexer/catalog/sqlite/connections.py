"""The connections to an open catalog, which change when a library that only could be read is written by another."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from indexer.catalog.sqlite.engine import Access, access_to, keep_log_files, log_files, open_engine
from indexer.errors import LibraryClosedError, LibraryError, StorageError
from indexer.forking import FORK_SECONDS, ForkSafe, keep_for_parent, watch_forks

_Stamp = tuple[int, int, int]
"""Inode, size and modification time (nanoseconds) of a file."""


_FORKED_IN_USE: set[str] = set()
"""Catalogs that the parent was using when it made this process: SQLite's state of their locks is the parent's."""


class Connections(ForkSafe):
    """Connections to a catalog; safe to use from several threads, and in a forked process.

    SQLite's locks do not survive a fork, so the connections are closed before it, and each process opens its own.
    """

    def __init__(self, catalog: Path, *, read_only: bool = False) -> None:
        """Open the catalog."""
        self._catalog = catalog
        self._read_only = read_only
        self._lock = threading.Condition()
        self._users: list[int] = []  # the thread of each block of `using` in progress
        self._is_forking = False
        self._openings = 0
        self._is_closed = False
        self._engine: Engine | None = self._open()
        watch_forks(self)

    def refuse(self) -> None:
        """Refuse every further use; what is in use stays open until `close`."""
        self._is_closed = True

    def close(self) -> None:
        """Close all connections; those in use are closed after it. Calling it twice is safe."""
        with self._lock:
            self._is_closed = True
            if not self._users:
                self._dispose()

    def check_open(self) -> None:
        """Refuse the use of a closed library.

        Raises:
            LibraryClosedError: It is closed.
        """
        if self._is_closed:
            raise LibraryClosedError(f"the library {self._catalog.parent} is closed; open it again with Library.open")

    @contextmanager
    def using(self) -> Iterator[Engine]:
        """Yield the engine of the connections, which stays open within the block."""
        users, thread = self._users, threading.get_ident()
        with self._lock:
            while self._is_forking and thread not in users:
                self._lock.wait()
            engine = self._opened()
            users.append(thread)
        try:
            yield engine
        finally:
            with self._lock:
                users.remove(thread)
                if self._is_closed and not self._users:
                    self._dispose()
                if self._is_forking:
                    self._lock.notify_all()

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
            with self.using() as engine, engine.connect() as connection:
                yield connection
        finally:  # also after an error, which may come from reading two states
            if stamp is not None and self._is_written(stamp):
                raise StorageError(
                    f"{self._catalog.parent} was written by another process while it was read; try again"
                )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes are committed together at the end, or rolled back on an error."""
        with self.using() as engine, engine.begin() as connection:
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
            self._opened()
            cursor = self._version_connection.cursor()
            try:
                version = int(cursor.execute("PRAGMA data_version").fetchone()[0])
            finally:
                cursor.close()
            return (self._openings << 32) + version

    def before_fork(self) -> None:
        """Close the connections once no other thread uses them; no thread opens them until the fork is over."""
        thread = threading.get_ident()
        self._lock.acquire()
        self._is_forking = True
        self._lock.wait_for(lambda: all(user == thread for user in self._users), timeout=FORK_SECONDS)
        if not self._users:
            self._dispose()

    def after_fork_in_parent(self) -> None:
        """Let the threads go on; the next one opens the catalog again."""
        self._is_forking = False
        self._lock.notify_all()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Forget the parent's threads, and its connections if they could not be closed."""
        self._lock, self._users, self._is_forking = threading.Condition(), [], False
        if self._engine is not None:
            _FORKED_IN_USE.add(os.path.realpath(self._catalog))
            keep_for_parent(self._engine, self._version_connection)
            self._engine = None

    def _opened(self) -> Engine:
        """Return the engine, opened if it is not; the caller holds the lock."""
        self.check_open()
        if self._engine is None:
            self._engine = self._open()
        return self._engine

    def _open(self) -> Engine:
        if os.path.realpath(self._catalog) in _FORKED_IN_USE:
            raise LibraryError(
                f"{self._catalog.parent} was in use while this process was forked, and cannot be used in it; start the "
                "process with the method spawn, or fork outside of the library's calls"
            )
        self._access = access_to(self._catalog, read_only=self._read_only)
        self._stamp = _stamp_of(self._catalog) if self._access is Access.IMMUTABLE else None
        engine = open_engine(self._catalog, self._access, trusts_schema=False)  # it may be from somebody else
        try:
            self._version_connection = engine.raw_connection()  # its `data_version` shows others' commits
        except BaseException:
            engine.dispose()
            raise
        self._openings += 1
        return engine

    def _dispose(self) -> None:
        """Close the connections if they are open; the caller holds the lock."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        self._version_connection.close()
        engine.dispose()
        if self._access is Access.WRITE:
            keep_log_files(self._catalog)

    def _notice_writer(self) -> None:
        """Open the catalog again if it was opened as one that nobody writes, and somebody does."""
        if self._access is not Access.IMMUTABLE:
            return
        with self._lock:
            stamp = self._stamp
            if stamp is not None and self._is_written(stamp):
                self._dispose()  # connections in use stay open until they are given back

    def _is_written(self, stamp: _Stamp) -> bool:
        return _stamp_of(self._catalog) != stamp or any(file.exists() for file in log_files(self._catalog))


def _stamp_of(file: Path) -> _Stamp:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
