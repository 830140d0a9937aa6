"""The write lock of a library.

Who writes holds `write.lock`. A long run also holds `run.lock` from start to end, and lets small writes take
`write.lock` between two of its batches. Writers queue at `queue.lock`, so that a run that wants the lock back waits
for those that came before.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.catalog.sqlite.engine import storage_errors
from indexer.errors import LibraryError, LibraryLockedError, StorageError
from indexer.forking import ForkSafe, give_up_descriptor, keep_for_parent, watch_forks
from indexer.private_files import PRIVATE_FILE, folder_file_mode, foreign_file, write_small_file

if TYPE_CHECKING:
    from filelock import BaseFileLock

logger = logging.getLogger(__name__)

LOCK_FILES = ("write.lock", "run.lock", "queue.lock", "writer.json", "run.json")
"""Files of the lock in a library's folder; they may be there before its catalog is."""

_SILENT_SECONDS = 2.0
"""Seconds after which a writer says what it waits for."""

_LOOK_SECONDS = 0.2
"""Seconds between two looks at whether a writer that waits is still to go on."""


class WriteLock(ForkSafe):
    """A held write lock; made by `write_lock`."""

    def __init__(self, library: Path, operation: str, *, is_run: bool, go_on: Callable[[], None]) -> None:
        """Prepare the lock without taking it.

        Args:
            library: The library's folder.
            operation: What the lock is for.
            is_run: Whether it is for a long run, see `write_lock`.
            go_on: See `write_lock`.
        """
        self._library = library
        self._go_on = go_on
        self._is_parents = False  # made before a fork by the process that forked
        self._owner = json.dumps({"pid": os.getpid(), "what": operation})
        self._write = _file_lock(library / "write.lock")
        self._queue = _file_lock(library / "queue.lock")
        self._run = _file_lock(library / "run.lock") if is_run else None
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Hold nothing: the lock is the parent's, also if this process lives longer."""
        for lock in (self._write, self._queue, self._run):
            if lock is not None and lock.is_locked:  # recent versions of filelock have given it back by themselves
                keep_for_parent(lock)
                give_up_descriptor(lock._context.lock_file_fd)  # noqa: SLF001 - it has no public name
        self._is_parents = True

    def acquire(self, *, timeout: float) -> None:
        """Take the lock; see `write_lock`."""
        deadline = time.monotonic() + timeout
        if self._run is not None:
            self._wait(self._run, self._library / "run.json", deadline)
        try:
            self._take_turn(deadline)
            if self._run is not None:
                self._write_owner("run.json")
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the lock back; a lock that is not held stays so."""
        self._release(self._write, "writer.json")
        if self._run is not None:
            self._release(self._run, "run.json")

    def let_others_write(self) -> None:
        """Give the lock to the writers that wait for it, and take it back after them; a run calls it between batches.

        Raises:
            StorageError: The folder can no longer be written; the lock is not held.
        """
        self._release(self._write, "writer.json")
        self._take_turn(math.inf)

    def _take_turn(self, deadline: float) -> None:
        owner_file = self._library / "writer.json"
        self._wait(self._queue, owner_file, deadline)
        try:
            self._wait(self._write, owner_file, deadline)
        finally:
            self._queue.release()
        self._write_owner("writer.json")

    def _write_owner(self, name: str) -> None:
        with storage_errors(self._library):
            write_small_file(self._library / name, self._owner)

    def _release(self, lock: BaseFileLock, owner_file: str) -> None:
        if lock.is_locked and not self._is_parents:
            (self._library / owner_file).unlink(missing_ok=True)
            lock.release()

    def _wait(self, lock: BaseFileLock, owner_file: Path, deadline: float) -> None:
        """Acquire a file lock; after two seconds a log line says what holds it."""
        start = time.monotonic()
        try:
            if self._try_until(lock, min(deadline, start + _SILENT_SECONDS)):
                return
            if deadline > time.monotonic():
                limit = "" if math.isinf(deadline) else f"up to {deadline - start:.0f} seconds "
                logger.warning("waiting %sfor %s, which is writing", limit, _describe_owner(owner_file))
                if self._try_until(lock, deadline):
                    return
        except OSError as error:
            raise StorageError(f"{self._library} cannot be written ({error.strerror}); make it writable") from error
        raise LibraryLockedError(
            f"{_describe_owner(owner_file)} is writing to {self._library}; wait until it is done, or stop it"
        )

    def _try_until(self, lock: BaseFileLock, deadline: float) -> bool:
        """Return whether a file lock could be acquired before a time of the monotonic clock; infinity has no end."""
        from filelock import Timeout  # late: readers take no lock

        while True:
            seconds = max(deadline - time.monotonic(), 0)
            try:
                lock.acquire(timeout=min(seconds, _LOOK_SECONDS), poll_interval=0.02)
            except Timeout:
                self._go_on()
                if seconds <= _LOOK_SECONDS:
                    return False
            else:
                return True


@contextmanager
def write_lock(
    library: Path, operation: str, *, timeout: float, is_run: bool = False, go_on: Callable[[], None] = lambda: None
) -> Iterator[WriteLock]:
    """Hold a library's write lock; the operating system releases it when the process ends.

    Args:
        library: The library's folder.
        operation: What the lock is for ("indexing"); another writer's error message names it.
        timeout: Seconds to wait for another writer, in this process or another.
        is_run: Whether it is for a long run, of which there is one at a time, and which may call `let_others_write`.
        go_on: Called several times a second while the lock is awaited; it ends that by raising an exception.

    Raises:
        LibraryLockedError: Another writer holds the lock.
        StorageError: The folder cannot be written.
    """
    lock = WriteLock(library, operation, is_run=is_run, go_on=go_on)
    lock.acquire(timeout=timeout)
    try:
        yield lock
    finally:
        lock.release()


def _file_lock(path: Path) -> BaseFileLock:
    from filelock import FileLock  # late: readers take no lock

    reason = foreign_file(path)
    if reason is not None:  # locking would empty the file that the link leads to
        raise LibraryError(f"{path} {reason}; delete it")
    mode = folder_file_mode(path.parent) if path.parent.is_dir() else PRIVATE_FILE
    # not thread-local: a run's commits, and so its pauses, happen in a thread of their own
    return FileLock(path, mode=mode, thread_local=False)


def _describe_owner(owner_file: Path) -> str:
    try:
        content = json.loads(owner_file.read_text())
        return f"process {content['pid']} ({content['what']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
