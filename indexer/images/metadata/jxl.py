"""JPEG XL headers: the size, which its decoder reports only after decoding, and the XMP, which it does not report."""

from __future__ import annotations

from collections.abc import Iterator

_SELECTED_BITS = (9, 13, 18, 30)
"""Bits of a side that is not a multiple of 8, by a selector of two bits (ISO/IEC 18181-1, SizeHeader)."""

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Ratio of width to height by its code; with code 0, the width follows."""


def declared_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels from the header, None if there is no header."""
    start = _codestream(data)
    if start is None or len(data) < start + 12:
        return None
    bits = _Bits(int.from_bytes(data[start + 2 : start + 12], "little"))
    is_small = bool(bits.take(1))
    height = _side(bits, is_small=is_small)
    ratio = _RATIOS.get(bits.take(3))
    width = height * ratio[0] // ratio[1] if ratio else _side(bits, is_small=is_small)
    return width, height


class _Bits:
    """The bits of a number, read from the least significant, as JPEG XL packs them."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        number = self._value & ((1 << count) - 1)
        self._value >>= count
        return number


def _side(bits: _Bits, *, is_small: bool) -> int:
    """Return a side in pixels."""
    if is_small:
        return 8 * (bits.take(5) + 1)
    return bits.take(_SELECTED_BITS[bits.take(2)]) + 1


def find_xmp(data: bytes) -> bytes | None:
    """Return the XMP of a file, None if it has none or it is compressed."""
    return next((data[start:end] for kind, start, end in _boxes(data) if kind == b"xml "), None)


def _codestream(data: bytes) -> int | None:
    """Return the offset of the codestream: 0, or in the box "jxlc" or the first box "jxlp"; None if there is none."""
    if data.startswith(b"\xff\x0a"):
        return 0
    for kind, start, _ in _boxes(data):
        if kind in {b"jxlc", b"jxlp"}:
            offset = start + (4 if kind == b"jxlp" else 0)  # a partial codestream begins with its number
            return offset if data[offset : offset + 2] == b"\xff\x0a" else None
    return None


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each box, and the start and end of its content (ISO/IEC 14496-12)."""
    start = 0
    while start + 16 <= len(data):
        length, kind, header = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], 8
        if length == 1:  # a long box: the length follows in eight bytes
            length, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        if length == 0:  # the last box, up to the end of the file
            length = len(data) - start
        if length < header:
            return
        yield kind, start + header, start + length
        start += length
