"""A file's bytes, read once, with a limit, and never from anything but a regular file."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import FailureKind, PictureError

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)  # Windows would change line ends
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO without a writer would wait for one
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_REASONS = {
    errno.ENOENT: "the file is gone, or is a link to a file that is",
    errno.EACCES: "no permission to read the file",
    errno.EPERM: "no permission to read the file",
    errno.ELOOP: "the file is a link that leads back to itself",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENXIO: "it is a socket or a device, not a file",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be before it is refused unread.

    Attributes:
        max_pixels: Width times height; the default lets every camera's photos through (the largest have 150 million).
        max_bytes: Size of the file in bytes.
    """

    max_pixels: int = 200_000_000
    max_bytes: int = 512 * 1024 * 1024


def read_file(path: Path, *, limits: Limits) -> bytes:
    """Return a regular file's bytes; nothing else is waited for, and nothing over the limit is read.

    Raises:
        PictureError: EMPTY, TOO_LARGE, or UNREADABLE with the reason.
    """
    try:
        handle = os.open(path, _OPEN_FLAGS)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "something odd")
                raise PictureError(FailureKind.UNREADABLE, f"it is {kind}, not a file")
            check_bytes(status.st_size, limits=limits)
            return file.read(status.st_size + 1)  # one more tells Python to look for the end only once
    except OSError as error:
        raise PictureError(FailureKind.UNREADABLE, _reason(error)) from error
    except ValueError as error:  # a NUL character inside
        raise PictureError(FailureKind.UNREADABLE, "no file can have this name") from error


def check_bytes(count: int, *, limits: Limits) -> None:
    """Refuse content of no bytes or too many.

    Raises:
        PictureError: EMPTY or TOO_LARGE.
    """
    if count == 0:
        raise PictureError(FailureKind.EMPTY, "the file is empty (0 bytes)")
    if count > limits.max_bytes:
        message = f"{count:,} bytes are over the limit of {limits.max_bytes:,}; raise it with --max-bytes"
        raise PictureError(FailureKind.TOO_LARGE, message)


def _reason(error: OSError) -> str:
    """Return why a file cannot be read, in words for people."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return f"reading it failed: {error.strerror or type(error).__name__}"
