"""XMP: what programs and people wrote, inside a picture or in a file beside it; untrusted XML."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import PictureError
from indexer.images.file_reader import Limits, read_file
from indexer.images.metadata import text_fields
from indexer.images.metadata.block import (
    CaptureTime,
    DatePriority,
    MetadataBlock,
    parse_date,
    parse_percent,
    parse_rating,
    to_degrees,
    valid_position,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

logger = logging.getLogger(__name__)

MAX_XMP_BYTES = 1024**2
"""Larger blocks are not read: what people write has kilobytes, the rest are thumbnails and histories of editing."""

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_EX = "{http://cipa.jp/exif/1.0/}"
_AUX = "{http://ns.adobe.com/exif/1.0/aux/}"
_MICROSOFT = "{http://ns.microsoft.com/photo/1.0/}"

_DATES = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated", f"{_XMP}CreateDate")

_COORDINATE = re.compile(r"\s*(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*", re.IGNORECASE)


def read_sidecar(path: Path) -> MetadataBlock:
    """Return what the XMP file beside a photo says, nothing where it cannot be read."""
    try:
        return read_xmp(read_file(path, limits=Limits(max_bytes=MAX_XMP_BYTES)))
    except PictureError as error:
        logger.warning("%s is not read: %s", path, error)
        return MetadataBlock()


def read_xmp(block: object) -> MetadataBlock:
    """Return what a block of XMP says; nothing where it is none, is damaged, or is larger than 1 MB."""
    try:
        return (
            _said(_properties(block)) if isinstance(block, bytes) and len(block) <= MAX_XMP_BYTES else MetadataBlock()
        )
    except Exception:  # noqa: BLE001 metadata is a bonus: no way of breaking it may cost the photo
        return MetadataBlock()


def _properties(block: bytes) -> dict[str, list[str]]:
    """Return the values of each property of the picture itself, by its full name; the default language comes first."""
    from defusedxml.ElementTree import fromstring  # late: most photos have none

    root: Element = fromstring(block.strip(b"\0 \t\r\n"), forbid_dtd=True)
    found: dict[str, list[str]] = {}
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    for about in () if rdf is None else rdf.findall(f"{_RDF}Description"):
        for name, value in about.attrib.items():
            found.setdefault(name, []).append(value)
        for element in about:
            found.setdefault(element.tag, []).extend(_values(element))
    return found


def _values(element: Element) -> list[str]:
    """Return the values of a property that stands as an element: its text, or the entries of its list."""
    entries = element.findall(f"{_RDF}Alt/{_RDF}li") or element.findall(f"{_RDF}Bag/{_RDF}li")
    entries = entries or element.findall(f"{_RDF}Seq/{_RDF}li")
    if not entries:
        return [element.text or ""]
    ordered = sorted(entries, key=lambda entry: entry.get(_LANGUAGE) != "x-default")  # stable: the rest as it stands
    return [entry.text or "" for entry in ordered]


def _said(found: dict[str, list[str]]) -> MetadataBlock:
    first = {name: next((value for value in values if value.strip()), None) for name, values in found.items()}
    rating = parse_rating(first.get(f"{_XMP}Rating"))
    return MetadataBlock(
        capture_time=_moment(first.get(name) for name in _DATES),
        position=valid_position(
            _coordinate(first.get(f"{_EXIF}GPSLatitude"), letters="NS", limit=90),
            _coordinate(first.get(f"{_EXIF}GPSLongitude"), letters="EW", limit=180),
        ),
        camera=text_fields.camera_name(first.get(f"{_TIFF}Make"), first.get(f"{_TIFF}Model")),
        lens=text_fields.lens_name(first.get(f"{_EXIF_EX}LensModel") or first.get(f"{_AUX}Lens")),
        rating=parse_percent(first.get(f"{_MICROSOFT}Rating")) if rating is None else rating,
        title=text_fields.title(first.get(f"{_DC}title")) or text_fields.title(first.get(f"{_PHOTOSHOP}Headline")),
        description=text_fields.description(first.get(f"{_DC}description")),
        tags=text_fields.tags(found.get(f"{_DC}subject", ())),
    )


def _moment(values: Iterable[str | None]) -> CaptureTime | None:
    found = next((date for date in map(parse_date, values) if date), None)
    return CaptureTime(*found, "xmp", DatePriority.XMP) if found else None


def _coordinate(value: str | None, *, letters: str, limit: int) -> float | None:
    """Return a coordinate of "48,51.4N" or "48,51,24N" in degrees, None where it is none or cannot be true."""
    found = _COORDINATE.fullmatch(value[:100]) if value else None
    if not found or found[4].upper() not in letters:
        return None
    parts = [float(part) for part in found.groups()[:3] if part]
    return to_degrees(parts, sign=1 if found[4].upper() == letters[0] else -1, limit=limit)
