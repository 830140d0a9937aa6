"""WebP files with a flaw in what is not the picture: sizes, flags, or chunks of metadata that are cut off."""

from __future__ import annotations

import struct

_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
_PICTURE = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", b"EXIF", b"XMP ")
"""What libwebp reads, in the order that the format demands."""


def without_flaws(data: bytes) -> bytes:
    """Return a WebP of the chunks that are complete, with the size and flags that they have."""
    chunks = _chunks(data)
    kinds = {kind for kind, _ in chunks}
    is_extended = b"VP8X" in kinds
    kept = [(kind, body) for kind, body in chunks if kind in _PICTURE and (is_extended or kind not in _FLAGS)]
    content = b""
    for kind, body in sorted(kept, key=lambda chunk: _PICTURE.index(chunk[0])):
        written = bytes((_flags(body[0], kinds),)) + body[1:] if kind == b"VP8X" and body else body
        content += kind + struct.pack("<I", len(body)) + written + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the type and body of each complete chunk; of a type that may occur only once, the first."""
    chunks: list[tuple[bytes, bytes]] = []
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if len(body) == length and (kind == b"ANMF" or all(kind != other for other, _ in chunks)):
            chunks.append((kind, body))
        position += 8 + length + length % 2
    return chunks


def _flags(flags: int, kinds: set[bytes]) -> int:
    """Return the flags of the header with those of metadata as it is there."""
    for kind, flag in _FLAGS.items():
        flags = flags | flag if kind in kinds else flags & ~flag
    return flags
