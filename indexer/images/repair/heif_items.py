"""HEIF files whose item types or names are not UTF-8, at which pi_heif 1.4 ends the process."""

from __future__ import annotations

_ENTRY = b"infe"
_TYPE_AT = 8  # after "infe": version and flags, then an item id of at least two bytes and two more


def with_readable_names(data: bytes) -> bytes:
    """Return a HEIF with "?" for the bytes of item types, names and content types that are not UTF-8.

    Item entries are boxes of type "infe" (ISO/IEC 14496-12, section 8.11.6).
    """
    changes: list[tuple[int, int]] = []
    position = data.find(_ENTRY)
    while position >= 4:
        start = position + len(_ENTRY) + _TYPE_AT
        end = min(position - 4 + int.from_bytes(data[position - 4 : position], "big"), len(data))
        try:
            data[start:end].decode()
        except UnicodeDecodeError:
            changes.append((start, end))
        position = data.find(_ENTRY, position + len(_ENTRY))
    if not changes:
        return data
    changed = bytearray(data)
    for start, end in changes:
        changed[start:end] = bytes(byte if byte < 0x80 else 0x3F for byte in data[start:end])
    return bytes(changed)
