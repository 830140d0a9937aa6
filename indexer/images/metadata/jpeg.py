"""XMP in the segments of a JPEG, of which Pillow gives the last standard one."""

from __future__ import annotations

from collections.abc import Sequence

_STANDARD = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_GUID_BYTES = 32


def find_xmp(segments: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """Return the XMP of a JPEG: the standard packets as one block, and the extended XMP that they name, if complete.

    Args:
        segments: Names and contents of application segments.
    """
    contents = [content for name, content in segments if name == "APP1"]
    standard = b"".join(content.removeprefix(_STANDARD) for content in contents if content.startswith(_STANDARD))
    parts = [content.removeprefix(_EXTENSION) for content in contents if content.startswith(_EXTENSION)]
    guids = dict.fromkeys(part[:_GUID_BYTES] for part in parts if part[:_GUID_BYTES] in standard)
    extended = (_join([part[_GUID_BYTES:] for part in parts if part.startswith(guid)]) for guid in guids)
    return [block for block in (standard, *extended) if block]


def _join(parts: list[bytes]) -> bytes:
    """Return extended XMP from its parts (XMP specification part 3, 1.1.3.1); empty if one is missing.

    Args:
        parts: Each has four bytes for the length of the whole and four for its offset.
    """
    length = int.from_bytes(parts[0][:4], "big")
    ordered = sorted(parts, key=lambda part: part[4:8])
    block = b"".join(part[8:] for part in ordered)
    return block if len(block) == length else b""
