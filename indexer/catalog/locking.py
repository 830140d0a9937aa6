"""The write lock of a library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.catalog.engine import storage_errors
from indexer.errors import LibraryLockedError, StorageError


@contextmanager
def write_lock(library: Path, operation: str, *, timeout: float) -> Iterator[None]:
    """Hold a library's write lock; the operating system releases it when the process ends.

    Args:
        library: The library's folder.
        operation: What the lock is for ("indexing"); another writer's error message names it.
        timeout: Seconds to wait for another process.

    Raises:
        LibraryLockedError: Another process holds the lock.
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout  # late: readers take no lock

    lock, owner_file = FileLock(library / "write.lock"), library / "writer.json"
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise LibraryLockedError(
            f"{_describe_owner(owner_file)} is writing to {library}; wait until it is done, or stop it"
        ) from None
    except OSError as error:
        raise StorageError(f"{library} cannot be written ({error.strerror}); make it writable") from error
    try:
        with storage_errors(library):
            owner_file.write_text(json.dumps({"pid": os.getpid(), "what": operation}))
        yield
    finally:
        owner_file.unlink(missing_ok=True)
        lock.release()


def _describe_owner(owner_file: Path) -> str:
    try:
        content = json.loads(owner_file.read_text())
        return f"process {content['pid']} ({content['what']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
