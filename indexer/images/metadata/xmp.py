"""XMP, embedded in a picture or in a sidecar."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import (
    CaptureTime,
    DatePriority,
    MetadataBlock,
    parse_percent,
    parse_rating,
    to_degrees,
    valid_position,
)
from indexer.images.metadata.dates import parse_date
from indexer.images.metadata.rdf import Reader, read_properties, structures, texts
from indexer.images.metadata.xmp_packets import split_packets

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_XMP_BYTES = 16 * 1024**2
"""Larger blocks are not read. Text has kilobytes, brushed masks have megabytes."""

MAX_PACKETS = 8
"""Packets that are read of a block, at most: the last ones."""

_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")

_HIERARCHIES = {
    "lr:hierarchicalSubject": "|",
    "mediapro:CatalogSets": "|",
    "digiKam:TagsList": "/",
    "MicrosoftPhoto:LastKeywordXMP": "/",
}
"""Properties with hierarchical keywords, and what separates their levels."""

_LOCATION = ("LocationName", "Sublocation", "City", "ProvinceState", "CountryName")
"""Fields of a place (IPTC Photo Metadata Standard 2023.2, Location structure), from small to large."""

_PLACES = ("Iptc4xmpCore:Location", "photoshop:City", "photoshop:State", "photoshop:Country")


def read_xmp(block: object) -> MetadataBlock:
    """Return the metadata in XMP; empty if it is missing or larger than 16 MB.

    A flaw costs the property that has it. Of several packets the last one counts; the others fill in what it lacks.
    """
    if not isinstance(block, bytes) or len(block) > MAX_XMP_BYTES:
        return MetadataBlock()
    packets = split_packets(block)[-MAX_PACKETS:]
    return functools.reduce(MetadataBlock.or_else, map(_read_packet, reversed(packets)), MetadataBlock())


def _read_packet(packet: str) -> MetadataBlock:
    try:
        return _block(read_properties(packet, _READERS))
    except Exception:  # noqa: BLE001 damaged metadata must not make the photo fail
        return MetadataBlock()


def _region_names(element: Element) -> list[str]:
    """Return the names of the faces in a picture's regions (Metadata Working Group, Guidelines 2.0, 5.9)."""
    regions = [fields for fields in structures(element) if "mwg-rs:Name" in fields]
    return [fields["mwg-rs:Name"] for fields in regions if fields.get("mwg-rs:Type", "Face") in ("Face", "Pet")]


def _field_texts(element: Element, names: Sequence[str]) -> list[str]:
    """Return some fields of each structure in a property, in this order."""
    return [fields[name] for fields in structures(element) for name in names if name in fields]


_read_location = functools.partial(_field_texts, names=[f"Iptc4xmpExt:{name}" for name in _LOCATION])

_PEOPLE: dict[str, Reader] = {
    "mwg-rs:Regions": _region_names,
    "MP:RegionInfo": functools.partial(_field_texts, names=["MPReg:PersonDisplayName"]),
    "Iptc4xmpExt:PersonInImage": texts,
    "Iptc4xmpExt:PersonInImageWDetails": functools.partial(_field_texts, names=["Iptc4xmpExt:PersonName"]),
}

_LOCATIONS = {"Iptc4xmpExt:LocationShown": _read_location, "Iptc4xmpExt:LocationCreated": _read_location}

_READERS: dict[str, Reader] = {
    **dict.fromkeys(_DATES, texts),
    **dict.fromkeys(("dc:title", "dc:description", "dc:subject", "photoshop:Headline"), texts),
    **dict.fromkeys(("xmp:Rating", "MicrosoftPhoto:Rating"), texts),
    **dict.fromkeys(("exif:GPSLatitude", "exif:GPSLatitudeRef", "exif:GPSLongitude", "exif:GPSLongitudeRef"), texts),
    **dict.fromkeys(("tiff:Make", "tiff:Model", "exifEX:LensModel", "aux:Lens"), texts),
    **dict.fromkeys((*_HIERARCHIES, *_PLACES), texts),
    **_PEOPLE,
    **_LOCATIONS,
}
"""The properties that are read, and how an element is read."""


def _block(properties: dict[str, list[str]]) -> MetadataBlock:
    first = {name: next((value for value in values if value.strip()), None) for name, values in properties.items()}
    rating = parse_rating(first.get("xmp:Rating"))
    hierarchies = [
        level
        for name, separator in _HIERARCHIES.items()
        for keyword in properties.get(name, ())
        for level in _levels(keyword, separator)
    ]
    return MetadataBlock(
        capture_time=_capture_time(first.get(name) for name in _DATES),
        position=valid_position(
            _coordinate(first.get("exif:GPSLatitude"), first.get("exif:GPSLatitudeRef"), letters="NS", limit=90),
            _coordinate(first.get("exif:GPSLongitude"), first.get("exif:GPSLongitudeRef"), letters="EW", limit=180),
        ),
        camera=text_fields.camera_name(first.get("tiff:Make"), first.get("tiff:Model")),
        lens=text_fields.lens_name(first.get("exifEX:LensModel") or first.get("aux:Lens")),
        rating=parse_percent(first.get("MicrosoftPhoto:Rating")) if rating is None else rating,
        title=text_fields.title(first.get("dc:title")) or text_fields.title(first.get("photoshop:Headline")),
        description=text_fields.description(first.get("dc:description")),
        tags=text_fields.tags([*properties.get("dc:subject", ()), *hierarchies]),
        people=text_fields.tags(name for key in _PEOPLE for name in properties.get(key, ())),
        places=text_fields.tags(name for key in (*_PLACES, *_LOCATIONS) for name in properties.get(key, ())),
    )


def _levels(keyword: str, separator: str) -> list[str]:
    """Return the levels of a hierarchical keyword, the innermost first, and its path: Paris, France, France/Paris."""
    levels = [level.strip() for level in keyword.split(separator) if level.strip()]
    path = "/".join(levels)
    return [*reversed(levels), path] if len(path) <= text_fields.MAX_TAG else levels[::-1]


def _capture_time(values: Iterable[str | None]) -> CaptureTime | None:
    first = next((date for date in map(parse_date, values) if date), None)
    return CaptureTime(*first, "xmp", DatePriority.XMP) if first else None


_NUMBER, _BETWEEN = r"(\d+(?:\.\d*)?)", r"\s*[,:°º'\u2032\u2019d\s](?:eg)?\s*"
_COORDINATE = re.compile(
    rf"([+-]?){_NUMBER}(?:{_BETWEEN}{_NUMBER})?(?:{_BETWEEN}{_NUMBER})?\s*[°º'\u2032\u2019\"\u2033\u201d]*\s*([NSEW]?)",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)


def _coordinate(value: str | None, reference: str | None, *, letters: str, limit: int) -> float | None:
    """Return a coordinate in degrees, None if it is invalid.

    XMP has "48,51.4N" or "48,51,24N" (ISO 16684-1, 8.2.3.2). Programs also write decimal degrees with a sign, and the
    letter in a property of its own.
    """
    text = (value or "").strip()[:100]
    letter = (reference or "").strip()[:1].upper()
    if _DECIMAL.fullmatch(text):
        sign, parts = (-1 if text.startswith("-") else 1), [abs(float(text))]
    elif match := _COORDINATE.fullmatch(text):
        sign, parts = (-1 if match[1] == "-" else 1), [float(part) for part in match.groups()[1:4] if part]
        letter = match[5].upper() or letter
        if not letter and not match[1]:
            return None  # the sign would be a guess
    else:
        return None
    if letter and (letter not in letters or (sign < 0 and letter != letters[1])):
        return None
    if any(part > 60 for part in parts[1:]):  # 60 is a rounded 59.99
        return None
    return to_degrees(parts, sign=-1 if letter == letters[1] else sign, limit=limit)
