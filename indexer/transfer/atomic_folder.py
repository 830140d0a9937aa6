"""Folders that are either complete or absent, and checksums of their files."""

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
    """Yield an empty folder `NAME.….part` next to `target`, which is renamed to `target` at the end.

    After an error, also Ctrl-C, it is deleted. If the process is killed it keeps its name and is not an export.

    Raises:
        TransferError: `target` exists already, or it cannot be written.
    """
    if os.path.lexists(target):
        raise TransferError(f"{target} exists already; name a new folder, since exports overwrite nothing")
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
            part.chmod(0o777 & ~_umask())  # mkdtemp grants access to the owner only
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


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


def _umask() -> int:
    """Return the umask of this process, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
