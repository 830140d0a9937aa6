"""The lock that one writer holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.catalog.engine import storage_errors
from indexer.errors import LibraryLockedError, StorageError


@contextmanager
def write_lock(library: Path, what: str, *, seconds: float) -> Iterator[None]:
    """Hold a library's write lock; it falls with the process, however that ends.

    Args:
        library: The library's folder.
        what: What is being done, for the error that another writer gets.
        seconds: How long to wait for another process.

    Raises:
        LibraryLockedError: Another process holds it.
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout  # late: readers take no lock

    lock, holder = FileLock(library / "write.lock"), library / "writer.json"
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise LibraryLockedError(
            f"{_named(holder)} is writing to {library}; wait until it is done, or stop it"
        ) from None
    except OSError as error:
        raise StorageError(f"{library} cannot be written ({error.strerror}); make it writable") from error
    try:
        with storage_errors(library):
            holder.write_text(json.dumps({"pid": os.getpid(), "what": what}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _named(holder: Path) -> str:
    try:
        content = json.loads(holder.read_text())
        return f"process {content['pid']} ({content['what']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
