"""What the decoder of JPEG XL does not tell: the size before everything is decoded, and the XMP."""

from __future__ import annotations

from collections.abc import Iterator

_SELECTED_BITS = (9, 13, 18, 30)
"""Bits of a side that is no multiple of 8, by a selector of two bits (ISO/IEC 18181-1, SizeHeader)."""

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height by the ratio's code; 0 says that the width follows."""


def declared_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels as the header gives them, None where there is no header."""
    start = _codestream(data)
    if start is None or len(data) < start + 12:
        return None
    bits = _Bits(int.from_bytes(data[start + 2 : start + 12], "little"))
    small = bool(bits.take(1))
    height = _side(bits, small=small)
    ratio = _RATIOS.get(bits.take(3))
    width = height * ratio[0] // ratio[1] if ratio else _side(bits, small=small)
    return width, height


class _Bits:
    """A number read from its low end, as JPEG XL packs them."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _side(bits: _Bits, *, small: bool) -> int:
    """Return one side in pixels."""
    if small:
        return 8 * (bits.take(5) + 1)
    return bits.take(_SELECTED_BITS[bits.take(2)]) + 1


def find_xmp(data: bytes) -> bytes | None:
    """Return the XMP that the file holds in a box of its own, None where there is none or it is compressed."""
    return next((data[start:end] for kind, start, end in _boxes(data) if kind == b"xml "), None)


def _codestream(data: bytes) -> int | None:
    """Return where the picture's own bytes begin: at once, or in a box "jxlc", or in the first of "jxlp"."""
    if data.startswith(b"\xff\x0a"):
        return 0
    for kind, start, _ in _boxes(data):
        if kind in {b"jxlc", b"jxlp"}:
            found = start + (4 if kind == b"jxlp" else 0)  # a part begins with its number
            return found if data[found : found + 2] == b"\xff\x0a" else None
    return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of what is in each box (ISO/IEC 14496-12); nothing where the file has none."""
    at = 0
    while at + 16 <= len(data):
        length, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:  # a long box: the length follows in eight bytes
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if length == 0:  # it goes up to the end
            length = len(data) - at
        if length < head:
            return
        yield kind, at + head, at + length
        at += length
