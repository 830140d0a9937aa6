"""EXIF, with the tags that Windows adds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import SupportsFloat

from PIL import ExifTags, Image

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
from indexer.images.metadata.dates import parse_date, parse_offset
from indexer.images.metadata.encoded_text import user_comment, utf_16_text

_RATING, _RATING_PERCENT = 0x4746, 0x4749
_TITLE, _COMMENT, _KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9E  # tags of Windows, in UTF-16
_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal, DatePriority.TAKEN),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized, DatePriority.TAKEN),
    (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime, DatePriority.CHANGED),
)


def read_tiff_tags(data: bytes) -> Image.Exif:
    """Return the tags of a file in TIFF's structure, as most RAW formats have it.

    Raises:
        Exception: Any exception of Pillow; the file has another structure.
    """
    tags = Image.Exif()
    tags.load_from_fp(BytesIO(data))
    return tags


def tag_value(tags: Image.Exif, tag: int) -> object:
    """Return the value of a tag, None if it is missing or damaged: Pillow decodes it on access."""
    try:
        return tags.get(tag)
    except Exception:  # noqa: BLE001 a damaged tag leaves the others readable
        return None


def read_orientation(tags: Image.Exif) -> int:
    """Return the EXIF orientation (tag 0x0112), 1 to 8; 1, which is upright, if it is missing or invalid."""
    value = tag_value(tags, ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_exif(tags: Image.Exif) -> MetadataBlock:
    """Return the metadata in a photo's EXIF; a damaged field leaves the others readable.

    Some programs write the tags of the Exif block into the first block, IFD0, where TIFF/EP (ISO 12234-2) and DNG
    define them; they count where the Exif block lacks them.
    """
    details = _sub_block(tags, ExifTags.IFD.Exif)
    rating = parse_rating(tag_value(tags, _RATING))
    comments = _values(tags, details, ExifTags.Base.UserComment)
    return MetadataBlock(
        capture_time=_capture_time(tags, details),
        position=parse_position(_sub_block(tags, ExifTags.IFD.GPSInfo)),
        camera=text_fields.camera_name(tag_value(tags, ExifTags.Base.Make), tag_value(tags, ExifTags.Base.Model)),
        lens=next(filter(None, map(text_fields.lens_name, _values(tags, details, ExifTags.Base.LensModel))), None),
        rating=parse_percent(tag_value(tags, _RATING_PERCENT)) if rating is None else rating,
        title=text_fields.title(_windows_text(tag_value(tags, _TITLE))),
        description=(
            text_fields.description(_text(tag_value(tags, ExifTags.Base.ImageDescription)))
            or text_fields.description(_windows_text(tag_value(tags, _COMMENT)))
            or next(filter(None, (text_fields.description(user_comment(text, tags.endian)) for text in comments)), None)
        ),
        tags=text_fields.tags(_windows_text(tag_value(tags, _KEYWORDS)).split(";")),
    )


def _sub_block(tags: Image.Exif, block: int) -> Mapping[int, object]:
    """Return the tags of a nested block, none if its offset is invalid."""
    try:
        return tags.get_ifd(block)
    except Exception:  # noqa: BLE001 a damaged block leaves the others readable
        return {}


def _values(tags: Image.Exif, details: Mapping[int, object], tag: int) -> tuple[object, object]:
    """Return the values of a tag in the Exif block and in IFD0, each None if it is missing."""
    return details.get(tag), tag_value(tags, tag)


def _capture_time(tags: Image.Exif, details: Mapping[int, object]) -> CaptureTime | None:
    """Return when the photo was taken, else digitized, else changed, with the time zone of that date."""
    for date_tag, zone_tag, priority in _DATES:
        for value in _values(tags, details, date_tag):
            if date := parse_date(_text(value)):
                taken_at, own_offset = date
                offsets = (parse_offset(zone) for zone in _values(tags, details, zone_tag))
                offset = next((offset for offset in offsets if offset is not None), own_offset)
                return CaptureTime(taken_at, offset, "exif", priority)
    return None


def parse_position(tags: Mapping[int, object]) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, None if either is missing or impossible.

    The point 0, 0 counts as missing: cameras without a GPS fix write it, and it is in the open sea.

    Args:
        tags: The GPS block: references in tags 1 and 3, degrees, minutes and seconds in tags 2 and 4.
    """
    latitude = _degrees(tags.get(2), tags.get(1), signs={"N": 1, "S": -1}, limit=90)
    longitude = _degrees(tags.get(4), tags.get(3), signs={"E": 1, "W": -1}, limit=180)
    return valid_position(latitude, longitude)


def _degrees(value: object, reference: object, *, signs: Mapping[str, int], limit: int) -> float | None:
    """Return a signed coordinate in degrees; None without a reference, because the sign would be a guess."""
    letter = reference.decode("latin-1") if isinstance(reference, bytes) else reference
    sign = signs.get(letter.strip("\0 ").upper()) if isinstance(letter, str) else None
    if sign is None or not isinstance(value, Sequence) or isinstance(value, str | bytes) or not 1 <= len(value) <= 3:
        return None
    try:
        parts = [float(part) if isinstance(part, SupportsFloat) else math.nan for part in value]
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return to_degrees(parts, sign=sign, limit=limit)


def _text(value: object) -> object:
    """Return text decoded as UTF-8 if it is UTF-8: EXIF allows only ASCII, and Pillow decodes all text as Latin-1."""
    try:
        return value.encode("latin-1").decode() if isinstance(value, str) else value
    except UnicodeError:
        return value


def _windows_text(value: object) -> str:
    """Return the text of a tag of Windows, "" if it is missing."""
    return utf_16_text(value, "<") if isinstance(value, bytes) else ""
