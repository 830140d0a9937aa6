"""Index files: a cache with a watermark and a checksum, replaced in one step and thrown away when in doubt."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from indexer.vectors.base import VectorIndex

MAGIC = b"RECALL2\n"
"""Version 1 held float32 and no time."""

TAIL = struct.Struct("<II8s")  # length and CRC-32 of the JSON before it, magic
CHUNK = 1 << 20
AHEAD = 128 << 10
"""Bytes that are asked for in one call: the most that Linux fetches for one, as it is set by default."""

COARSE = 2_000_000_000
"""Nanoseconds: the coarsest step in which a file system keeps times (FAT)."""


class StaleIndexError(Exception):
    """The file is no index that can be trusted; the caller rebuilds it and users never see this."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What the end of an index file says of it.

    Attributes:
        kind: Class of the index.
        fingerprint: The encoder whose embeddings it holds.
        watermark: Highest embedding id that was looked at when it was written.
        checksum: CRC-32 of all bytes before the label.
        mtime_ns: The file's own time as it was set after writing. A file that still has it was not written to since
            and is trusted without being read, so that opening it costs nothing; any other is read and checked.
        more: What else its kind has to say.
    """

    kind: str
    fingerprint: str
    watermark: int
    checksum: int
    mtime_ns: int
    more: dict[str, Any] = field(default_factory=dict)


def write_index(index: VectorIndex, path: Path, *, fingerprint: str, watermark: int) -> None:
    """Replace the file at `path` by this index: written beside it, flushed to the disk, then renamed.

    Raises:
        OSError: The disk is full or read-only; the old file is as it was.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        index.save(part)
        commit_file(part, path, kind=type(index).__name__, fingerprint=fingerprint, watermark=watermark)
    finally:
        part.unlink(missing_ok=True)


def commit_file(
    part: Path, path: Path, *, kind: str, fingerprint: str, watermark: int, more: dict[str, Any] | None = None
) -> None:
    """Put a label behind what a file holds, flush it to the disk and move it to `path`.

    Args:
        part: The file, in the same folder.
        path: Where it goes; what is there is replaced.
        kind: See `Footer`, as the others.
        fingerprint: The same.
        watermark: The same.
        more: The same.

    Raises:
        OSError: The disk is full or read-only; what is at `path` is as it was.
    """
    with part.open("r+b") as file:
        checksum = _checksum(file, part.stat().st_size)
        label = Footer(kind, fingerprint, watermark, checksum, _passed_moment(), more or {})
        raw = json.dumps(asdict(label)).encode()
        file.seek(0, os.SEEK_END)
        file.write(raw + TAIL.pack(len(raw), zlib.crc32(raw), MAGIC))
        file.flush()
        os.fsync(file.fileno())
    with suppress(OSError):  # without the time it is checked whenever it is opened
        os.utime(part, ns=(label.mtime_ns, label.mtime_ns))
    part.replace(path)


def read_footer(file: BinaryIO, *, kind: str, fingerprint: str, every_byte: bool = False) -> Footer:
    """Return the label of an open index file that can be trusted; leaves the file at its beginning.

    Args:
        file: Open for reading.
        kind: Class of the index that is expected.
        fingerprint: The encoder that is expected.
        every_byte: Check the bytes also of a file that has the time it was given when it was written.

    Raises:
        StaleIndexError: The file is torn, changed, or of another kind or encoder.
    """
    try:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - TAIL.size))
        length, checksum, magic = TAIL.unpack(file.read(TAIL.size))
        body = end - TAIL.size - length
        if magic != MAGIC or body < 0:
            raise StaleIndexError("it has no label of this version at its end")
        file.seek(body)
        raw = file.read(length)
        if zlib.crc32(raw) != checksum:
            raise StaleIndexError("it has a damaged label")
        label = Footer(**json.loads(raw))
        if (label.kind, label.fingerprint) != (kind, fingerprint):
            raise StaleIndexError("it is an index of another kind or encoder")
        if every_byte or os.fstat(file.fileno()).st_mtime_ns != label.mtime_ns:
            _check_bytes(file, body, label)
        file.seek(0)
    except struct.error as error:
        raise StaleIndexError("it is cut short") from error
    except (OSError, ValueError, TypeError) as error:
        raise StaleIndexError(f"it cannot be read ({error})") from error
    return label


def _check_bytes(file: BinaryIO, size: int, label: Footer) -> None:
    """Read the first `size` bytes, and note by the file's time that they are good."""
    before = os.fstat(file.fileno())
    if label.checksum != _checksum(file, size):
        raise StaleIndexError("it does not match its checksum")
    if os.utime in os.supports_fd and os.fstat(file.fileno()).st_mtime_ns == before.st_mtime_ns:
        with suppress(OSError):  # it may not be ours, or not be writable
            os.utime(file.fileno(), ns=(before.st_atime_ns, label.mtime_ns))


def _passed_moment() -> int:
    """Return a time that every file system keeps as it is and that no later write gives a file, in nanoseconds."""
    return (time.time_ns() // COARSE - 1) * COARSE


def _checksum(file: BinaryIO, size: int) -> int:
    """Return the CRC-32 of the first `size` bytes: it finds accidents, which is all a cache needs."""
    file.seek(0)
    checksum = 0
    while size > 0:
        chunk = file.read(min(CHUNK, size))
        if not chunk:
            break
        checksum = zlib.crc32(chunk, checksum)
        size -= len(chunk)
    return checksum


def read_ahead(descriptor: int) -> None:
    """Have a file fetched from the disk while something else is done; FAISS maps it for single pages, one by one.

    After a restart of the machine this takes the first search of 77 MB from 1,100 to 70 ms; where the file is in
    memory already it costs 1 ms.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # advice only
            for start in range(0, os.fstat(descriptor).st_size, AHEAD):
                os.posix_fadvise(descriptor, start, AHEAD, os.POSIX_FADV_WILLNEED)
