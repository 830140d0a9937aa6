"""XMP in a GIF, which Pillow does not read."""

from __future__ import annotations

from indexer.images.metadata.xmp import MAX_XMP_BYTES

_EXTENSION = b"!\xff\x0bXMP DataXMP"
_TRAILER = b"\x01\xff\xfe\xfd\xfc"
"""The start of 257 bytes that lead readers of ordinary blocks to the end of the extension."""


def find_xmp(data: bytes) -> bytes | None:
    """Return the XMP in a GIF's application extension (XMP specification part 3, 1.1.2), None without one."""
    _, extension, rest = data.partition(_EXTENSION)
    return rest[: MAX_XMP_BYTES + 1].partition(_TRAILER)[0] if extension else None
