"""Files that Recall writes: never through a link, whole or not at all, and with the permissions of their folder.

A library's folder is readable by its owner alone unless the owner has changed that.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner may read; a folder that exists is made so if it is this user's.

    Raises:
        OSError: The folder cannot be made.
    """
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    with suppress(OSError):  # another user's, or a file system without permissions
        path.chmod(PRIVATE_FOLDER)
    if is_new:
        sync_folder(path.parent)


def make_empty_file(path: Path) -> None:
    """Make an empty file that has the permissions of its folder; a file or link of this name is not touched.

    Raises:
        FileExistsError: There is one.
        OSError: The folder cannot be written.
    """
    os.close(_create(path))


def write_small_file(path: Path, text: str) -> None:
    """Write a file in place of one of the same name, which is deleted first: it may be a link to another file.

    Raises:
        OSError: The folder cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(_create(path), "w", encoding="utf-8") as stream:
        stream.write(text)


@contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """Yield a new empty file next to `path`, which the caller fills and renames; what is left of it is deleted.

    Its name ends in .part and cannot be guessed, so that nobody can place a link there before.

    Raises:
        OSError: The folder cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    part = Path(name)
    with suppress(OSError):
        part.chmod(folder_file_mode(path.parent))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def install_part(part: Path, path: Path) -> None:
    """Flush a file to disk and give it its final path, so that after a power failure it is there whole or not at all.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    part.replace(path)
    sync_folder(path.parent)


def folder_file_mode(folder: Path) -> int:
    """Return the permissions of new files in a folder: those of the folder without the right to run them."""
    return folder.stat().st_mode & 0o666


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that a file that was renamed into it is there after a power failure."""
    with suppress(OSError):  # not on Windows, and not on every file system
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def foreign_file(path: Path, *, may_have_names: bool = False) -> str | None:
    """Return what is wrong with a file that is about to be opened for writing; None if nothing is.

    Args:
        path: The file, which may be missing.
        may_have_names: Whether it may have other names (hard links), as in a snapshot by `cp -al`.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return "is a link to another file"
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    if status.st_nlink > 1 and not may_have_names:
        return "is a hard link: it has another name elsewhere"
    return None


def total_size(files: Iterable[Path]) -> int:
    """Return the size of files in bytes; those that are deleted meanwhile count nothing."""
    total = 0
    for file in files:
        with suppress(FileNotFoundError):  # a log that a checkpoint deleted, for instance
            total += file.stat().st_size
    return total


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    mode = folder_file_mode(path.parent)
    descriptor = os.open(path, flags, mode)
    if hasattr(os, "fchmod"):
        with suppress(OSError):
            os.fchmod(descriptor, mode)  # the umask must not take what the folder gives
    return descriptor
