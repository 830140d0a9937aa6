"""Folders that are either complete or absent, and checksums of their files."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import TransferError
from indexer.private_files import sync_folder

_SUFFIX = ".recall-part"
"""End of the name of a folder that is being written; only Recall makes such folders."""


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder `NAME.….recall-part` next to `target`, which is renamed to `target` at the end.

    Only its owner may read it, as a library. After an error, also Ctrl-C, it is deleted. If the process is killed it
    keeps its name, is not an export, and is deleted by the next export into the same folder.

    Raises:
        TransferError: `target` exists already, or it cannot be written.
    """
    if os.path.lexists(target):
        raise TransferError(f"{target} exists already; name a new folder, since exports overwrite nothing")
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=_SUFFIX, dir=target.parent))
    lock = _lock(part)
    try:
        yield part
        with write_errors(target):
            for file in part.rglob("*"):
                if file.is_file():
                    with file.open("r+b") as stream:
                        os.fsync(stream.fileno())
            for folder in (*part.rglob("*/"), part):
                sync_folder(folder)
            part.rename(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _sweep(folder: Path) -> None:
    """Delete what exports that were killed have left in a folder; those that are still written are locked."""
    for part in folder.glob(f"*{_SUFFIX}"):
        lock = None if part.is_symlink() else _lock(part)
        if lock is not None:
            shutil.rmtree(part, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return a descriptor that locks a folder until it is closed; None if it is locked, or cannot be on this system."""
    if sys.platform == "win32":
        return None
    import fcntl  # not on Windows

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """Turn an OSError into a TransferError that names the export, so that the library is not blamed."""
    try:
        yield
    except OSError as error:
        raise TransferError(
            f"{target} cannot be written ({error.strerror or error}) and was discarded; free some space, or name "
            "another folder"
        ) from error


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
