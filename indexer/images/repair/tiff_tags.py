"""TIFF files with flawed tags, and kinds of TIFF that Pillow reads only under another name."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Type of a tag to the bytes of one value (TIFF 6.0, section 2; BigTIFF: 16 to 18)."""

_INTEGERS = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_LONG, _LONG8 = 4, 16
_WIDTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _FORMAT = 256, 258, 259, 262, 339
_SIGNED = 2
_NESTED = frozenset((330, 34665, 34853, 40965))  # other directories, in which BigTIFF has another structure
_PICTURE = frozenset(
    (
        *(256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332),
        *(338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    )
)
"""Tags without which the pixels cannot be read."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A tag's type and its value's bytes."""

    kind: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class TiffTags:
    """The tags of a TIFF's first picture.

    Attributes:
        order: "<" for little-endian numbers, ">" for big-endian ones.
        is_big: Whether it is a BigTIFF.
        values: Those whose type is valid and whose value is within the file.
    """

    order: str
    is_big: bool
    values: Mapping[int, _Value]

    def number(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        numbers = self._numbers(tag)
        return numbers[0] if numbers else default

    @property
    def compression(self) -> int:
        """The number of the compression; 1 is none."""
        return self.number(_COMPRESSION, 1)

    @property
    def is_white_zero(self) -> bool:
        """Whether 0 is white and the largest number black (TIFF 6.0, section 4)."""
        return self.number(_PHOTOMETRIC, 1) == 0

    @property
    def bits(self) -> int:
        """Bits of the first channel."""
        return self.number(_BITS, 1)

    @property
    def is_unsigned(self) -> bool:
        """Whether the numbers are integers without a sign."""
        return self.number(_FORMAT, 1) == 1

    def _numbers(self, tag: int) -> tuple[int, ...]:
        value = self.values.get(tag)
        if value is None or value.kind not in _INTEGERS:
            return ()
        count = len(value.raw) // _SIZES[value.kind]
        return struct.unpack(f"{self.order}{count}{_INTEGERS[value.kind]}", value.raw)


def read_tags(data: bytes) -> TiffTags | None:
    """Return the tags of a TIFF's first picture, None if they are outside the file."""
    order = "<" if data[:1] == b"I" else ">"
    is_big = 43 in data[2:4]
    try:
        (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, start)
    except struct.error:
        return None
    row = struct.Struct(order + ("HHQ8s" if is_big else "HHI4s"))
    first = start + (8 if is_big else 2)
    values: dict[int, _Value] = {}
    for position in range(first, min(first + count * row.size, len(data) - row.size + 1), row.size):
        tag, kind, length, field = row.unpack_from(data, position)
        size = length * _SIZES.get(kind, 0)
        if size > len(field):
            (offset,) = struct.unpack(order + ("Q" if is_big else "I"), field)
            field = data[offset : offset + size]
        if 0 < size <= len(field):
            values.setdefault(tag, _Value(kind, field[:size]))
    return TiffTags(order, is_big, values)


def without_flaws(data: bytes) -> Iterator[bytes]:
    """Yield a TIFF with its readable tags only, then with those of the pixels only.

    BigTIFF becomes TIFF, because Pillow reads big-endian BigTIFF wrongly. Gray pictures become a kind that Pillow
    knows: where 0 is white, the picture is a negative; big-endian numbers without a sign get one.
    """
    tags = read_tags(data)
    if tags is None:
        return
    tags = _known_kind(tags)
    is_big = tags.is_big
    readable = {tag: value for tag, value in tags.values.items() if not (is_big and tag in _NESTED)}
    yield _rebuilt(data, replace(tags, values=readable))
    yield _rebuilt(data, replace(tags, values={tag: value for tag, value in readable.items() if tag in _PICTURE}))


def _known_kind(tags: TiffTags) -> TiffTags:
    """Return the tags of a picture of which Pillow reads the same bytes as the same numbers, or their complement."""
    if tags.bits == 12 and tags.order == ">":  # such numbers are packed from the highest bit in either order
        tags = replace(tags, order="<", values={tag: _swapped(value) for tag, value in tags.values.items()})
    values = dict(tags.values)
    if tags.bits > 8 and tags.is_white_zero:
        values[_PHOTOMETRIC] = _Value(_LONG, struct.pack(tags.order + "I", 1))
    if tags.bits == 32 and tags.is_unsigned and tags.order == ">":
        values[_FORMAT] = _Value(_LONG, struct.pack(tags.order + "I", _SIGNED))
    return replace(tags, values=values)


def _swapped(value: _Value) -> _Value:
    """Return a value with its numbers in the other byte order."""
    size = _SIZES[value.kind] if value.kind in _INTEGERS else 1
    parts = [value.raw[start : start + size][::-1] for start in range(0, len(value.raw), size)]
    return _Value(value.kind, b"".join(parts))


def _rebuilt(data: bytes, tags: TiffTags) -> bytes:
    """Return the file as a TIFF, not a BigTIFF, whose first directory has these tags and is at its end."""
    start = len(data) + len(data) % 2
    rows, area = b"", b""
    area_at = start + 2 + 12 * len(tags.values) + 4
    for tag, value in sorted(tags.values.items()):
        kind, raw = value.kind, value.raw
        if kind in {_LONG8, 17, 18}:
            numbers = [min(number, 0xFFFFFFFF) for number in struct.unpack(f"{tags.order}{len(raw) // 8}Q", raw)]
            kind, raw = _LONG, struct.pack(f"{tags.order}{len(numbers)}I", *numbers)
        field = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(tags.order + "I", area_at + len(area))
        rows += struct.pack(tags.order + "HHI", tag, kind, len(raw) // _SIZES[kind]) + field
        area += raw + bytes(len(raw) % 2) if len(raw) > 4 else b""
    head = (b"II" if tags.order == "<" else b"MM") + struct.pack(tags.order + "HI", 42, start)
    directory = struct.pack(tags.order + "H", len(tags.values)) + rows + bytes(4) + area
    return head + data[8:].ljust(start - 8, b"\0") + directory
