"""Folders that are whole or not there, and the checksums of what lies in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import TransferError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill, `NAME.….part` beside `target`, that becomes `target` at the end, at once and whole.

    After an error, also Ctrl-C, it is gone. What a kill leaves of it keeps its name and is no export.

    Raises:
        TransferError: There is something at `target` already, or it cannot be written.
    """
    if os.path.lexists(target):
        raise TransferError(f"{target} exists already; name a new folder, nothing is written over")
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
    try:
        yield part
        with write_errors(target):
            for file in part.rglob("*"):
                if file.is_file():
                    with file.open("r+b") as stream:
                        os.fsync(stream.fileno())
            part.chmod(0o777 & ~_umask())  # it was made for its owner alone
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """Turn what the disk says into a TransferError that names the export: inside, so that no library is blamed."""
    try:
        yield
    except OSError as error:
        raise TransferError(
            f"{target} cannot be written ({error.strerror or error}); nothing was kept of it: free some space, or name "
            "another folder"
        ) from error


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file, as hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    """Return what this process leaves out of permissions; it can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
