"""Index files: a cache with a watermark and a checksum, replaced atomically and discarded when in doubt."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from indexer.private_files import install_part, part_file

if TYPE_CHECKING:
    from indexer.vectors.base import MutableIndex

MAGIC = b"RECALL2\n"
"""Last bytes of a file; version 1 stored float32 and no modification time."""

TRAILER = struct.Struct("<II8s")  # length and CRC-32 of the JSON before it, magic

_CHECKSUM_BLOCK = 1 << 20
"""Bytes that are read at once for a checksum."""

_MAX_SUMMED = 256 << 20
"""Bytes of a file that are compared with their sum at each opening, at most: 30 ms for 77 MB, the vectors of 100,000
photos."""

_READ_AHEAD = 128 << 10
"""Bytes requested by one system call: Linux by default fetches no more for one."""

_COARSEST_TIMESTAMP = 2_000_000_000
"""Nanoseconds: the coarsest step in which a file system stores modification times (FAT)."""


class StaleIndexError(Exception):
    """Raised when an index file cannot be trusted; the caller rebuilds it, and users never see this."""


@dataclass(frozen=True, slots=True)
class Footer:
    """The JSON object at the end of an index file; its keys are the names of these attributes.

    Attributes:
        kind: Class of the index.
        fingerprint: The encoder whose embeddings it holds.
        watermark: Highest embedding id that existed when it was written.
        checksum: CRC-32 of all bytes before the footer.
        mtime_ns: Modification time that the file was given after it was written. While the file still has it, nothing
            has been written to the file, and the sum is compared instead of the checksum.
        more: What else this kind of index stores.
        word_sum: Sum of the bytes before the footer as 64-bit numbers, modulo 2^64. It notices what a disk loses below
            the file system, in half the time of the checksum; None in files of earlier versions.
    """

    kind: str
    fingerprint: str
    watermark: int
    checksum: int
    mtime_ns: int
    more: dict[str, Any] = field(default_factory=dict)
    word_sum: int | None = None


def write_index(index: MutableIndex, path: Path, *, fingerprint: str, watermark: int) -> None:
    """Replace the file at `path` with this index: write a new file beside it, flush it to disk and rename it.

    Raises:
        OSError: The disk is full or read-only; the old file is unchanged.
    """
    with part_file(path) as part:
        index.save(part)
        commit_file(part, path, kind=type(index).__name__, fingerprint=fingerprint, watermark=watermark)


def commit_file(
    part: Path, path: Path, *, kind: str, fingerprint: str, watermark: int, more: dict[str, Any] | None = None
) -> None:
    """Append the footer to a file, flush it to disk and move it to `path`.

    Args:
        part: The file, in the folder of `path`.
        path: Its destination; an existing file is replaced.
        kind: See `Footer`.
        fingerprint: See `Footer`.
        watermark: See `Footer`.
        more: See `Footer`.

    Raises:
        OSError: The disk is full or read-only; the file at `path` is unchanged.
    """
    with part.open("r+b") as file:
        size = part.stat().st_size
        checksum = _checksum(file, size)
        footer = Footer(kind, fingerprint, watermark, checksum, _past_time(), more or {}, _word_sum(file, size))
        raw = json.dumps(asdict(footer)).encode()
        file.seek(0, os.SEEK_END)
        file.write(raw + TRAILER.pack(len(raw), zlib.crc32(raw), MAGIC))
    with suppress(OSError):  # without this time the checksum is verified at every opening
        os.utime(part, ns=(footer.mtime_ns, footer.mtime_ns))
    install_part(part, path)


@contextmanager
def open_index_file(path: Path) -> Iterator[BinaryIO]:
    """Open an index file for reading, and turn every failure to read it into a StaleIndexError with its path.

    Raises:
        StaleIndexError: The file is missing, or the block raised StaleIndexError, RuntimeError (FAISS) or OSError.
    """
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError as error:
        raise StaleIndexError(f"{path} is missing") from error
    except (StaleIndexError, RuntimeError, OSError) as error:
        raise StaleIndexError(f"{path}: {error}") from error


def read_footer(
    file: BinaryIO, *, kind: str, fingerprint: str, verify: bool = False, is_searched: bool = True
) -> Footer:
    """Return the footer of an open index file that can be trusted, and rewind the file.

    Of a file over 256 MB that has its modification time only the footer is read.

    Args:
        file: Open for reading.
        kind: Expected class of the index.
        fingerprint: Expected encoder.
        verify: Verify the checksum even if the file has the modification time it was given.
        is_searched: Whether more than the footer is used, and so compared with its sum.

    Raises:
        StaleIndexError: The file is truncated, damaged, or of another kind or encoder.
    """
    try:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - TRAILER.size))
        length, checksum, magic = TRAILER.unpack(file.read(TRAILER.size))
        body_size = end - TRAILER.size - length
        if magic != MAGIC or body_size < 0:
            raise StaleIndexError("the footer is missing or of another version")
        file.seek(body_size)
        raw = file.read(length)
        if zlib.crc32(raw) != checksum:
            raise StaleIndexError("the footer is damaged")
        footer = Footer(**json.loads(raw))
        if (footer.kind, footer.fingerprint) != (kind, fingerprint):
            raise StaleIndexError("it is an index of another kind or encoder")
        if verify or os.fstat(file.fileno()).st_mtime_ns != footer.mtime_ns:
            _verify_checksum(file, body_size, footer)
        elif is_searched and body_size <= _MAX_SUMMED and _differs(file, body_size, footer):
            raise StaleIndexError("it has changed though its time has not: the disk may be failing")
        file.seek(0)
    except struct.error as error:
        raise StaleIndexError("it is truncated") from error
    except (OSError, ValueError, TypeError) as error:
        raise StaleIndexError(f"it cannot be read ({error})") from error
    return footer


def _verify_checksum(file: BinaryIO, size: int, footer: Footer) -> None:
    """Verify the checksum of the first `size` bytes, and record success in the file's modification time."""
    before = os.fstat(file.fileno())
    if footer.checksum != _checksum(file, size):
        raise StaleIndexError("the checksum does not match")
    if os.utime in os.supports_fd and os.fstat(file.fileno()).st_mtime_ns == before.st_mtime_ns:
        with suppress(OSError):  # the file may belong to another user or be read-only
            os.utime(file.fileno(), ns=(before.st_atime_ns, footer.mtime_ns))


def _differs(file: BinaryIO, size: int, footer: Footer) -> bool:
    if footer.word_sum is None:
        return footer.checksum != _checksum(file, size)
    return footer.word_sum != _word_sum(file, size)


def _word_sum(file: BinaryIO, size: int) -> int:
    """Return the sum of the first `size` bytes as 64-bit numbers, modulo 2^64; zeros follow the last byte."""
    import numpy as np  # late: the names of the kinds, which help texts list, need no numpy

    file.seek(0)
    total, block = 0, bytearray(_CHECKSUM_BLOCK)
    words = np.frombuffer(block, dtype=np.uint64)
    while size > 0:
        read = file.readinto(memoryview(block)[: min(_CHECKSUM_BLOCK, size)])  # type: ignore[attr-defined]  # it is a file
        if not read:
            break
        block[read:] = bytes(_CHECKSUM_BLOCK - read)
        total += int(words.sum(dtype=np.uint64))
        size -= read
    return total % 2**64


def _past_time() -> int:
    """Return a time in nanoseconds that every file system stores exactly and that no later write gives a file."""
    return (time.time_ns() // _COARSEST_TIMESTAMP - 1) * _COARSEST_TIMESTAMP


def _checksum(file: BinaryIO, size: int) -> int:
    """Return the CRC-32 of the first `size` bytes; it detects accidents, which is enough for a cache."""
    file.seek(0)
    checksum = 0
    while size > 0:
        block = file.read(min(_CHECKSUM_BLOCK, size))
        if not block:
            break
        checksum = zlib.crc32(block, checksum)
        size -= len(block)
    return checksum


def prefetch(descriptor: int) -> None:
    """Make the system read a whole file in the background; FAISS maps it, which fetches single pages one by one.

    After a restart of the machine this takes the first search of 77 MB from 1,100 to 70 ms. If the file is in memory
    already it costs 1 ms.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # only advice to the system
            for start in range(0, os.fstat(descriptor).st_size, _READ_AHEAD):
                os.posix_fadvise(descriptor, start, _READ_AHEAD, os.POSIX_FADV_WILLNEED)
