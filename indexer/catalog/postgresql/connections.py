"""The connections to the catalog on a server, which are made again when the server has ended them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from indexer.catalog.postgresql import version
from indexer.catalog.postgresql.engine import Engines, connect, is_lost, open_engine
from indexer.catalog.postgresql.lock import Writer
from indexer.database_url import DatabaseUrl
from indexer.errors import ConnectionLostError, LibraryClosedError
from indexer.forking import ForkSafe, give_up_descriptor, keep_for_parent, watch_forks

T = TypeVar("T")

_RETURN_SECONDS = 10.0
"""Seconds that a read or a transaction waits for a server that does not answer any more; a restart takes about one."""

_RETRY_SECONDS = 0.2
"""Seconds between two attempts to connect."""

_VERSION_KEY = "recall_version"


class Connections(ForkSafe):
    """Connections to a catalog; safe to use from several threads, and in a forked process.

    What was connected before a fork is the parent's; a forked process makes its own connections.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        """Connect to the server."""
        self.url = url
        self._is_closed = False
        self._live: WeakSet[psycopg.Connection[Any]] = WeakSet()
        self._version_connection: psycopg.Connection[Any] | None = None
        self._reset()
        self._version_connection = self._connect_for_versions()  # shows at once whether the server answers
        watch_forks(self)

    def _reset(self) -> None:
        """Begin without connections."""
        self._lock = threading.Lock()
        self._version_lock = threading.Lock()
        self._users = 0
        self._engines: Engines | None = None
        self._version_connection = None
        self._writer = Writer()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone: whatever this process still does with them reaches nobody."""
        for connection in list(self._live):
            keep_for_parent(connection)
            if not connection.closed:
                give_up_descriptor(connection.fileno())
        self._live = WeakSet()
        self._reset()

    def refuse(self) -> None:
        """Refuse every further use; what is in use stays open until `close`."""
        self._is_closed = True

    def close(self) -> None:
        """Close all connections; those in use are closed after it. Calling it twice is safe."""
        self._is_closed = True
        with self._version_lock:
            connection, self._version_connection = self._version_connection, None
            if connection is not None:
                connection.close()
        with self._lock:
            self._dispose_unused()

    def check_open(self) -> None:
        """Refuse the use of a closed library.

        Raises:
            LibraryClosedError: It is closed.
        """
        if self._is_closed:
            raise LibraryClosedError(f"the library {self.url} is closed; open it again with Library.open")

    @contextmanager
    def using(self) -> Iterator[Engines]:
        """Yield the engines of the connections, which stay open within the block."""
        with self._lock:
            self.check_open()
            if self._engines is None:
                self._engines = open_engine(self._connect)
            engines = self._engines
            self._users += 1
        try:
            yield engines
        finally:
            with self._lock:
                if engines is self._engines:  # another one in a process that was forked within the block
                    self._users -= 1
                    if self._is_closed:
                        self._dispose_unused()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see the same state of the catalog."""
        with self.using() as engines:
            connection = self._patiently(lambda: _begun(engines.reader, _see_version))
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes are committed together at the end, or rolled back on an error.

        Raises:
            StorageError: This process has lost the write lock, and another one has it.
        """
        number = self._writer.number
        with self.using() as engines:
            connection = self._patiently(
                lambda: _begun(engines.writer, lambda new: version.begin(new, self.url, number))
            )
            try:
                yield connection
                connection.commit()
            finally:
                connection.close()  # rolls back what was not committed

    def data_version(self) -> int:
        """Return a number that changes whenever another connection, here or elsewhere, has changed the catalog."""
        self.check_open()

        def read() -> int:
            with self._version_lock:  # a connection is for one thread at a time
                self.check_open()
                if self._version_connection is None:
                    self._version_connection = self._connect_for_versions()
                try:
                    row = self._version_connection.execute(version.READ).fetchone()
                except psycopg.OperationalError:
                    self._version_connection.close()
                    self._version_connection = None
                    raise
                return version.number_of(row or (0, 0))

        return self._patiently(read)

    def snapshot_version(self, connection: Connection) -> int:
        """Return the `data_version` of what a connection of `reading` sees."""
        return int(connection.info[_VERSION_KEY])

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Return the result of an attempt that has no effect if it fails, repeated while the server does not answer."""
        end = time.monotonic() + _RETURN_SECONDS
        while True:
            try:
                return attempt()
            except (ConnectionLostError, DBAPIError, psycopg.OperationalError) as error:
                if not is_lost(error) or time.monotonic() > end:
                    raise
            self.check_open()
            time.sleep(_RETRY_SECONDS)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = connect(self.url)
        self._live.add(connection)
        return connection

    def _connect_for_versions(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        connection.autocommit = True
        return connection

    def _dispose_unused(self) -> None:
        """Close the engine if nobody uses it; the caller holds the lock."""
        if self._engines is not None and not self._users:
            self._engines.engine.dispose()
            self._engines = None


def _begun(engine: Engine, first: Callable[[Connection], None]) -> Connection:
    """Return a connection in a transaction, whose first statement shows that the server answers."""
    connection = engine.connect()
    try:
        first(connection)
    except BaseException:
        with suppress(Exception):  # what happened first is raised
            connection.close()
        raise
    return connection


def _see_version(connection: Connection) -> None:
    row = connection.exec_driver_sql(version.READ).one()
    connection.info[_VERSION_KEY] = version.number_of((row[0], row[1]))
