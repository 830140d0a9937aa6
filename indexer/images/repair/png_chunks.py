"""PNG files with a flaw in what is not the picture: color profile, texts, EXIF, animation, a missing end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

_SIGNATURE_SIZE = 8
_HEADER_END = 33  # signature and IHDR
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
_MAX_TESTS = 1000
"""Ancillary chunks that are tested, at most; a test takes 50 microseconds."""


def without_flaws(data: bytes) -> Iterator[bytes]:
    """Yield a PNG without the ancillary chunks that cannot be read, then one without any but its transparent color.

    Errors in ancillary chunks do not cost the picture (PNG, third edition, sections 5.4 and 13.2).
    """
    chunks = list(_chunks(data))
    readable = [
        chunk
        for number, (kind, chunk) in enumerate(chunks)
        if _is_critical(kind)
        or (kind not in _ANIMATION and number < _MAX_TESTS and _is_readable(data[:_HEADER_END], chunk))
    ]
    yield _joined(data, readable)
    yield _joined(
        data, [chunk for kind, chunk in chunks if _is_critical(kind) or (kind == b"tRNS" and chunk in readable)]
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and all bytes of each chunk before the end; the last may be cut off."""
    position = _SIGNATURE_SIZE
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IEND":
            return
        yield kind, data[position : position + 12 + length]
        position += 12 + length


def _is_critical(kind: bytes) -> bool:
    """Return whether a picture cannot be shown without a chunk of this type: its first letter is a capital."""
    return not kind[0] & 0x20


def _is_readable(header: bytes, chunk: bytes) -> bool:
    """Return whether a chunk has the right checksum and Pillow can read it."""
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        return False
    from PIL import PngImagePlugin  # late: hardly any file is flawed

    try:
        PngImagePlugin.PngImageFile(BytesIO(header + chunk + bytes(4) + b"IDAT" + bytes(4)), "")
    except Exception:  # noqa: BLE001 whatever is wrong with it, the picture is shown without it
        return False
    return True


def _joined(data: bytes, chunks: list[bytes]) -> bytes:
    """Return a PNG of these chunks."""
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    return b"".join((data[:_SIGNATURE_SIZE], *chunks, end))
