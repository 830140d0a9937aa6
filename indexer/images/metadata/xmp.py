"""XMP, embedded in a picture or in a sidecar; untrusted XML."""

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
    parse_percent,
    parse_rating,
    to_degrees,
    valid_position,
)
from indexer.images.metadata.dates import parse_date

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

logger = logging.getLogger(__name__)

MAX_XMP_BYTES = 1024**2
"""Larger blocks are not read: text has kilobytes; megabytes are thumbnails and editing histories."""

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
    """Return the metadata in a sidecar; empty, with a warning in the log, if it cannot be read."""
    try:
        return read_xmp(read_file(path, limits=Limits(max_bytes=MAX_XMP_BYTES)))
    except PictureError as error:
        logger.warning("%s cannot be read: %s", path, error)
        return MetadataBlock()


def read_xmp(block: object) -> MetadataBlock:
    """Return the metadata in XMP; empty if it is missing, damaged, or larger than 1 MB."""
    if not isinstance(block, bytes) or len(block) > MAX_XMP_BYTES:
        return MetadataBlock()
    try:
        return _block(_properties(block))
    except Exception:  # noqa: BLE001 damaged metadata must not make the photo fail
        return MetadataBlock()


def _properties(block: bytes) -> dict[str, list[str]]:
    """Return the values of each property of the picture, by the property's full name; the default language is first."""
    from defusedxml.ElementTree import fromstring  # late: most photos have no XMP

    root: Element = fromstring(block.strip(b"\0 \t\r\n"), forbid_dtd=True)
    properties: dict[str, list[str]] = {}
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    for about in () if rdf is None else rdf.findall(f"{_RDF}Description"):
        for name, value in about.attrib.items():
            properties.setdefault(name, []).append(value)
        for element in about:
            properties.setdefault(element.tag, []).extend(_values(element))
    return properties


def _values(element: Element) -> list[str]:
    """Return the values of a property that is an element: its text, or the entries of its list."""
    entries = element.findall(f"{_RDF}Alt/{_RDF}li") or element.findall(f"{_RDF}Bag/{_RDF}li")
    entries = entries or element.findall(f"{_RDF}Seq/{_RDF}li")
    if not entries:
        return [element.text or ""]
    ordered = sorted(entries, key=lambda entry: entry.get(_LANGUAGE) != "x-default")  # stable: the others stay in order
    return [entry.text or "" for entry in ordered]


def _block(properties: dict[str, list[str]]) -> MetadataBlock:
    first = {name: next((value for value in values if value.strip()), None) for name, values in properties.items()}
    rating = parse_rating(first.get(f"{_XMP}Rating"))
    return MetadataBlock(
        capture_time=_capture_time(first.get(name) for name in _DATES),
        position=valid_position(
            _coordinate(first.get(f"{_EXIF}GPSLatitude"), letters="NS", limit=90),
            _coordinate(first.get(f"{_EXIF}GPSLongitude"), letters="EW", limit=180),
        ),
        camera=text_fields.camera_name(first.get(f"{_TIFF}Make"), first.get(f"{_TIFF}Model")),
        lens=text_fields.lens_name(first.get(f"{_EXIF_EX}LensModel") or first.get(f"{_AUX}Lens")),
        rating=parse_percent(first.get(f"{_MICROSOFT}Rating")) if rating is None else rating,
        title=text_fields.title(first.get(f"{_DC}title")) or text_fields.title(first.get(f"{_PHOTOSHOP}Headline")),
        description=text_fields.description(first.get(f"{_DC}description")),
        tags=text_fields.tags(properties.get(f"{_DC}subject", ())),
    )


def _capture_time(values: Iterable[str | None]) -> CaptureTime | None:
    first = next((date for date in map(parse_date, values) if date), None)
    return CaptureTime(*first, "xmp", DatePriority.XMP) if first else None


def _coordinate(value: str | None, *, letters: str, limit: int) -> float | None:
    """Return a coordinate such as "48,51.4N" or "48,51,24N" in degrees, None if it is invalid."""
    match = _COORDINATE.fullmatch(value[:100]) if value else None
    if not match or match[4].upper() not in letters:
        return None
    parts = [float(part) for part in match.groups()[:3] if part]
    return to_degrees(parts, sign=1 if match[4].upper() == letters[0] else -1, limit=limit)
