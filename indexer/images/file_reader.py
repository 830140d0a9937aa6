"""Bounded reading of regular files; pipes, devices and sockets are refused."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import FailureKind, PictureError
from indexer.object_path import ObjectPath, is_object
from indexer.storage import item_files

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)  # Windows would convert line ends
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe without a writer would block
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

_START_SIZE = 256
"""Bytes that `formats.sniff` looks at, at most."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_REASONS = {
    errno.ENOENT: "the file does not exist, or is a link to a file that does not",
    errno.EACCES: "no permission to read the file",
    errno.EPERM: "no permission to read the file",
    errno.ELOOP: "the file is a link to itself",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENXIO: "it is a socket or a device, not a file",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be; larger ones are refused before they are read or decoded.

    Attributes:
        max_pixels: Width times height. The default accepts the photos of every camera; the largest have 150 million.
        max_bytes: Size of the file in bytes.
    """

    max_pixels: int = 200_000_000
    max_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """An object of an object store in memory: decoders get its bytes, and neither keys nor the network.

    Attributes:
        path: Its URL.
        size: Its bytes.
        content: The bytes themselves; none if they are over the limit.
        problem: Why it cannot be had; "" if it can.
    """

    path: ObjectPath
    size: int
    content: bytes
    problem: str

    @property
    def name(self) -> str:
        """Its name, with the ending."""
        return self.path.name


File = Path | FetchedFile
"""A file, or an object in memory."""

FileOrBytes = File | bytes
"""The same, or the content of a file."""


def fetched(file: Path, *, limits: Limits) -> File:
    """Return an object with its bytes, and any other file as an absolute path.

    Raises:
        StorageError: The object store cannot be used.
    """
    if not isinstance(file, ObjectPath):
        return file.absolute()
    return FetchedFile(file, *item_files.fetch(str(file), limit=limits.max_bytes))


def read_file(file: File, *, limits: Limits) -> bytes:
    """Return the bytes of a regular file, or of an object.

    Raises:
        PictureError: The file is empty, too large, not a regular file, or cannot be read.
        StorageError: The object store cannot be used.
    """
    source = fetched(file, limits=limits) if isinstance(file, ObjectPath) else file
    return _read_fetched(source, limits=limits) if isinstance(source, FetchedFile) else _read(source, limits=limits)


def _read_fetched(file: FetchedFile, *, limits: Limits) -> bytes:
    if file.problem:
        raise PictureError(FailureKind.UNREADABLE, file.problem)
    check_bytes(file.size, limits=limits)
    return file.content


def _read(path: Path, *, limits: Limits) -> bytes:
    try:
        handle = os.open(path, _OPEN_FLAGS)
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                kind = next((name for is_kind, name in _KINDS if is_kind(info.st_mode)), "of an unknown type")
                raise PictureError(FailureKind.UNREADABLE, f"it is {kind}, not a file")
            check_bytes(info.st_size, limits=limits)
            return file.read(info.st_size + 1)  # with one more, Python looks for the end only once
    except OSError as error:
        raise PictureError(FailureKind.UNREADABLE, _reason(error)) from error
    except ValueError as error:  # a NUL character in the name
        raise PictureError(FailureKind.UNREADABLE, "no file can have this name") from error


def read_start(path: bytes) -> bytes:
    """Return the first bytes of a file, as many as tell its format; b"" if it cannot be read."""
    if is_object(name := os.fsdecode(path)):
        return item_files.read_start(name, _START_SIZE)
    try:
        handle = os.open(path, _OPEN_FLAGS)
        with os.fdopen(handle, "rb", buffering=0) as file:
            return file.read(_START_SIZE) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    except (OSError, ValueError):
        return b""


def check_bytes(count: int, *, limits: Limits) -> None:
    """Check the size of a file.

    Raises:
        PictureError: The file is empty, or larger than `limits` allows.
    """
    if count == 0:
        raise PictureError(FailureKind.EMPTY, "the file is empty (0 bytes)")
    if count > limits.max_bytes:
        message = f"{count:,} bytes are over the limit of {limits.max_bytes:,}; raise it with --max-bytes"
        raise PictureError(FailureKind.TOO_LARGE, message)


def _reason(error: OSError) -> str:
    """Return why a file cannot be read, for a message."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return f"reading it failed: {error.strerror or type(error).__name__}"
