"""The write lock of a library on a server: advisory locks, which end with the connection that holds them.

Who writes holds `write`. A long run also holds `run` from start to end, and lets small writes take `write` between two
of its batches. Writers queue at `queue`, so that a run that wants the lock back waits for those that came before. The
name of the connection says who holds the lock.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Literal

import psycopg

from indexer.catalog.postgresql.engine import connect
from indexer.catalog.postgresql.version import become_writer
from indexer.database_url import DatabaseUrl
from indexer.errors import LibraryLockedError
from indexer.forking import ForkSafe, give_up_descriptor, keep_for_parent, watch_forks

logger = logging.getLogger(__name__)

Kind = Literal["write", "run", "queue"]

_PREFIX = "recall: "
"""How the name of a writer's connection begins."""

_NAME_BYTES = 63
"""Bytes of a connection's name; PostgreSQL cuts what is longer."""

_SILENT_SECONDS = 2.0
"""Seconds after which a writer says what it waits for."""

_POLL_SECONDS = 0.05
"""Seconds between two attempts to take a lock."""

_OWNER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = %s AND objid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Writer:
    """Which writer an open database is: the number of its lock, which the transactions of all its threads use.

    One thread at a time has it, also if the server has given the lock of a connection that broke to another thread.
    """

    def __init__(self) -> None:
        """Begin as no writer."""
        self.number: int | None = None
        self._turn = threading.Lock()

    def begin(self, *, timeout: float) -> bool:
        """Return whether no other thread is the writer, waiting for it; `become` or `end` has to follow."""
        return self._turn.acquire(timeout=timeout)

    def become(self, number: int) -> None:
        """Use a number from now on."""
        self.number = number

    def end(self) -> None:
        """Be no writer any more."""
        self.number = None
        self._turn.release()


class WriteLock(ForkSafe):
    """A held write lock; made by `write_lock`."""

    def __init__(
        self, url: DatabaseUrl, operation: str, *, writer: Writer, is_run: bool, go_on: Callable[[], None]
    ) -> None:
        """Prepare the lock without taking it.

        Args:
            url: The library.
            operation: What the lock is for.
            writer: Gets the lock's number.
            is_run: Whether it is for a long run, see `write_lock`.
            go_on: See `write_lock`.
        """
        self._url, self._is_run, self._go_on = url, is_run, go_on
        self._writer, self._is_writer = writer, False
        self._name = connection_name(operation, pid=os.getpid(), host=socket.gethostname())
        self._connection: psycopg.Connection[Any] | None = None
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Hold nothing: the lock is the parent's, also if this process lives longer."""
        connection, self._connection, self._is_writer = self._connection, None, False
        if connection is not None and not connection.closed:
            keep_for_parent(connection)
            give_up_descriptor(connection.fileno())

    def acquire(self, *, timeout: float) -> None:
        """Take the lock; see `write_lock`."""
        deadline = time.monotonic() + timeout
        try:
            if self._is_run:
                self._wait("run", deadline)
            self._take_turn(deadline)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the lock back; a lock that is not held stays so."""
        self._end_turn()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):  # the connection is lost, and the lock with it
                connection.execute("SELECT pg_advisory_unlock_all()")
            connection.close()

    def let_others_write(self) -> None:
        """Give the lock to the writers that wait for it, and take it back after them; a run calls it between batches.

        A lock whose connection was lost is taken again.

        Raises:
            StorageError: The server does not answer; the lock is not held.
        """
        self._end_turn()
        try:
            self._unlock("write")
            self._take_turn(math.inf)
        except psycopg.OperationalError:
            self.release()
            self.acquire(timeout=math.inf)

    def _take_turn(self, deadline: float) -> None:
        """Take the lock `write` behind those that queue for it, and become the writer."""
        self._wait("queue", deadline, of="write")
        try:
            self._wait("write", deadline)
        finally:
            with suppress(psycopg.Error):  # a lost connection has given it back
                self._unlock("queue")
        self._until(deadline, "write", self._writer.begin, wait=_POLL_SECONDS)
        self._is_writer = True
        self._writer.become(become_writer(self._opened()))

    def _end_turn(self) -> None:
        if self._is_writer:
            self._is_writer = False
            self._writer.end()

    def _opened(self) -> psycopg.Connection[Any]:
        """Return the connection that holds the locks, which is made if it is missing."""
        if self._connection is None:
            self._connection = connect(self._url, self._name)
            self._connection.autocommit = True
        return self._connection

    def _unlock(self, kind: Kind) -> None:
        self._opened().execute("SELECT pg_advisory_unlock(%s)", (lock_key(self._url, kind),))

    def _wait(self, kind: Kind, deadline: float, *, of: Kind | None = None) -> None:
        """Take a lock; after two seconds a log line says who holds it, or the lock `of`."""
        key = lock_key(self._url, kind)

        def attempt(*, timeout: float) -> bool:
            row = self._opened().execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
            if row is not None and row[0]:
                return True
            time.sleep(timeout)
            return False

        self._until(deadline, of or kind, attempt, wait=_POLL_SECONDS)

    def _until(self, deadline: float, kind: Kind, attempt: Callable[..., bool], *, wait: float) -> None:
        """Repeat an attempt until it succeeds.

        Raises:
            LibraryLockedError: It did not before a time of the monotonic clock.
        """
        start, is_silent = time.monotonic(), True
        while not attempt(timeout=min(wait, max(deadline - time.monotonic(), 0))):
            self._go_on()
            now = time.monotonic()
            if now >= deadline:
                raise LibraryLockedError(
                    f"{self._owner(kind)} is writing to {self._url}; wait until it is done, or stop it"
                )
            if is_silent and now >= start + _SILENT_SECONDS:
                is_silent = False
                limit = "" if math.isinf(deadline) else f"up to {deadline - start:.0f} seconds "
                logger.warning("waiting %sfor %s, which is writing", limit, self._owner(kind))

    def _owner(self, kind: Kind) -> str:
        """Return who holds a lock, for people."""
        key = lock_key(self._url, kind) % 2**64
        row = self._opened().execute(_OWNER, (key >> 32, key % 2**32)).fetchone()
        name = "" if row is None else str(row[0])
        return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else "another process"


@contextmanager
def write_lock(
    url: DatabaseUrl,
    operation: str,
    *,
    writer: Writer,
    errors: Callable[[], AbstractContextManager[None]],
    timeout: float,
    is_run: bool = False,
    go_on: Callable[[], None] = lambda: None,
) -> Iterator[WriteLock]:
    """Hold a library's write lock; the server releases it when the process ends or cannot be reached any more.

    Args:
        url: The library.
        operation: What the lock is for ("indexing"); another writer's error message names it.
        writer: Gets the lock's number, without which none of its transactions is committed.
        errors: Turns errors of the server into a StorageError.
        timeout: Seconds to wait for another writer, in this process or another.
        is_run: Whether it is for a long run, of which there is one at a time, and which may call `let_others_write`.
        go_on: Called several times a second while the lock is awaited; it ends that by raising an exception.

    Raises:
        LibraryLockedError: Another writer holds the lock.
        StorageError: The server cannot be used.
    """
    lock = WriteLock(url, operation, writer=writer, is_run=is_run, go_on=go_on)
    with errors():
        lock.acquire(timeout=timeout)
    try:
        yield lock
    finally:
        lock.release()


def lock_key(url: DatabaseUrl, kind: str) -> int:
    """Return the number of an advisory lock of a library, 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(f"recall {kind} {url.schema}".encode()).digest()[:8], signed=True)


def connection_name(operation: str, *, pid: int, host: str) -> str:
    """Return the name of a writer's connection, in at most 63 bytes of ASCII."""
    before, after = f"{_PREFIX}process {pid} (", f") on {host[:20]}"
    room = _NAME_BYTES - len(before) - len(after)
    return f"{before}{operation[:room]}{after}".encode("ascii", "replace").decode()
