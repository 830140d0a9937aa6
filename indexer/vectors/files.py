"""Index files: a cache with a watermark and a checksum, replaced in one step and thrown away when in doubt."""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from indexer.vectors.base import VectorIndex

MAGIC = b"RECALL1\n"
TAIL = struct.Struct("<II8s")  # length and CRC-32 of the JSON before it, magic
CHUNK = 1 << 20


class StaleIndexError(Exception):
    """The file is no index that can be trusted; the caller rebuilds it and users never see this."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the end of an index file says of it.

    Attributes:
        kind: Class of the index.
        fingerprint: The encoder whose embeddings it holds.
        watermark: Highest embedding id that was looked at when it was written.
        checksum: CRC-32 of all bytes before the label.
    """

    kind: str
    fingerprint: str
    watermark: int
    checksum: int


def write_index(index: VectorIndex, path: Path, *, fingerprint: str, watermark: int) -> None:
    """Replace the file at `path` by this index: written beside it, flushed to the disk, then renamed.

    Raises:
        OSError: The disk is full or read-only; the old file is as it was.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        index.save(part)
        with part.open("r+b") as file:
            label = Label(type(index).__name__, fingerprint, watermark, _checksum(file, part.stat().st_size))
            raw = json.dumps(asdict(label)).encode()
            file.seek(0, os.SEEK_END)
            file.write(raw + TAIL.pack(len(raw), zlib.crc32(raw), MAGIC))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_label(file: BinaryIO, *, kind: str, fingerprint: str) -> Label:
    """Return the label of an open index file after checking every byte; leaves the file at its beginning.

    Raises:
        StaleIndexError: The file is torn, changed, or of another kind or encoder.
    """
    try:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - TAIL.size))
        length, checksum, magic = TAIL.unpack(file.read(TAIL.size))
        body = end - TAIL.size - length
        if magic != MAGIC or body < 0:
            raise StaleIndexError("it has no label at its end")
        file.seek(body)
        raw = file.read(length)
        if zlib.crc32(raw) != checksum:
            raise StaleIndexError("it has a damaged label")
        label = Label(**json.loads(raw))
        if (label.kind, label.fingerprint) != (kind, fingerprint):
            raise StaleIndexError("it is an index of another kind or encoder")
        if label.checksum != _checksum(file, body):
            raise StaleIndexError("it does not match its checksum")
        file.seek(0)
    except struct.error as error:
        raise StaleIndexError("it is cut short") from error
    except (OSError, ValueError, TypeError) as error:
        raise StaleIndexError(f"it cannot be read ({error})") from error
    return label


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
