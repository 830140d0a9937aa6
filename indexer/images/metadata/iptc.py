"""IPTC-IIM: the captions and keywords of news agencies."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

from indexer.images.metadata import png, text_fields
from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock
from indexer.images.metadata.dates import parse_date

_OBJECT_NAME, _KEYWORDS, _DATE, _TIME, _HEADLINE, _CAPTION = (2, 5), (2, 25), (2, 55), (2, 60), (2, 105), (2, 120)
_PLACES = ((2, 92), (2, 90), (2, 95), (2, 101))
"""Sub-location, city, province and country."""

_CHARSET = (1, 90)
_UTF_8 = b"\x1b%G"
"""The value that declares UTF-8 (IPTC-IIM 4.2, data set 1:90)."""

_TIFF_TAG, _RESOURCE = 33723, 0x0404


def read_iptc(picture: Image.Image) -> MetadataBlock:
    """Return the metadata in the IPTC of a JPEG, TIFF or PNG; empty if it is missing or damaged."""
    try:
        return _block(list(_data_sets(_find(picture))))
    except Exception:  # noqa: BLE001 damaged metadata must not make the photo fail
        return MetadataBlock()


def _find(picture: Image.Image) -> bytes:
    """Return the IPTC of a picture, empty without it."""
    resources = picture.info.get("photoshop")
    if isinstance(resources, dict):
        return bytes(resources.get(_RESOURCE, b""))
    tags = getattr(picture, "tag_v2", None)
    if tags is not None:  # Photoshop declares the bytes as numbers: Pillow's IptcImagePlugin takes the raw ones, too
        return bytes(tags._tagdata.get(_TIFF_TAG, b""))  # noqa: SLF001
    return _in_resources(png.find_iptc(picture.info))


def _in_resources(data: bytes) -> bytes:
    """Return the IPTC in resources of Photoshop, each with a name of even length; other data is returned as it is."""
    start = data.find(b"8BIM" + _RESOURCE.to_bytes(2, "big"))
    if start < 0:
        return data
    size = start + 7 + (data[start + 6] | 1)
    first = size + 4
    return data[first : first + int.from_bytes(data[size:first], "big")]


def _data_sets(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield the number and content of each data set (IPTC-IIM 4.2, 1.5), up to the first flaw."""
    start = 0
    while data[start : start + 1] == b"\x1c" and len(data) >= start + 5:
        record, number, size = struct.unpack_from(">BBH", data, start + 1)
        start += 5
        if size & 0x8000:  # the size has this many bytes
            count = size & 0x7FFF
            size, start = int.from_bytes(data[start : start + min(count, 8)], "big"), start + count
        if start + size > len(data):
            return
        yield (record, number), data[start : start + size]
        start += size


def _block(data_sets: list[tuple[tuple[int, int], bytes]]) -> MetadataBlock:
    is_utf_8 = any(value == _UTF_8 for tag, value in data_sets if tag == _CHARSET)
    texts: dict[tuple[int, int], list[str]] = {}
    for tag, value in data_sets:
        texts.setdefault(tag, []).append(_text(value, is_utf_8=is_utf_8))
    first = {tag: values[0] for tag, values in texts.items()}
    return MetadataBlock(
        capture_time=_capture_time(first.get(_DATE, ""), first.get(_TIME, "")),
        title=text_fields.title(first.get(_OBJECT_NAME)) or text_fields.title(first.get(_HEADLINE)),
        description=text_fields.description(first.get(_CAPTION)),
        tags=text_fields.tags(texts.get(_KEYWORDS, ())),
        places=text_fields.tags(place for tag in _PLACES for place in texts.get(tag, ())),
    )


def _text(value: bytes, *, is_utf_8: bool) -> str:
    """Return a value as text. If no encoding is declared, it is UTF-8 if possible, else Windows-1252."""
    try:
        return value.decode("utf-8", errors="ignore" if is_utf_8 else "strict")
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="ignore")


def _capture_time(day: str, time: str) -> CaptureTime | None:
    """Return the time of, for instance, "20240721" and "180359+0200"; a day without a time is midnight."""
    date = parse_date(f"{day} {time}")
    return CaptureTime(*date, "iptc", DatePriority.IPTC) if date else None
