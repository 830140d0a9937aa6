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
    parse_date,
    parse_offset,
    parse_percent,
    parse_rating,
    to_degrees,
    valid_position,
)

_RATING, _RATING_PERCENT = 0x4746, 0x4749
_TITLE, _COMMENT, _KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9E  # tags of Windows, in UTF-16
_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
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
    """Return the metadata in a photo's EXIF; a damaged field leaves the others readable."""
    details = _sub_block(tags, ExifTags.IFD.Exif)
    rating = parse_rating(tag_value(tags, _RATING))
    return MetadataBlock(
        capture_time=_capture_time(tags, details),
        position=parse_position(_sub_block(tags, ExifTags.IFD.GPSInfo)),
        camera=text_fields.camera_name(tag_value(tags, ExifTags.Base.Make), tag_value(tags, ExifTags.Base.Model)),
        lens=text_fields.lens_name(details.get(ExifTags.Base.LensModel)),
        rating=parse_percent(tag_value(tags, _RATING_PERCENT)) if rating is None else rating,
        title=text_fields.title(_windows_text(tag_value(tags, _TITLE))),
        description=(
            text_fields.description(_text(tag_value(tags, ExifTags.Base.ImageDescription)))
            or text_fields.description(_windows_text(tag_value(tags, _COMMENT)))
            or text_fields.description(_user_comment(details.get(ExifTags.Base.UserComment), tags.endian))
        ),
        tags=text_fields.tags(_windows_text(tag_value(tags, _KEYWORDS)).split(";")),
    )


def _sub_block(tags: Image.Exif, block: int) -> Mapping[int, object]:
    """Return the tags of a nested block, none if its offset is invalid."""
    try:
        return tags.get_ifd(block)
    except Exception:  # noqa: BLE001 a damaged block leaves the others readable
        return {}


def _capture_time(tags: Image.Exif, details: Mapping[int, object]) -> CaptureTime | None:
    """Return when the photo was taken, else digitized, else changed, with the time zone of that date."""
    changed = tag_value(tags, ExifTags.Base.DateTime), details.get(ExifTags.Base.OffsetTime), DatePriority.CHANGED
    for value, zone, priority in (
        *((details.get(date), details.get(zone), DatePriority.TAKEN) for date, zone in _DATES),
        changed,
    ):
        if date := parse_date(value):
            taken_at, own_offset = date
            offset = parse_offset(zone)
            return CaptureTime(taken_at, own_offset if offset is None else offset, "exif", priority)
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
    return value.decode("utf-16-le", errors="ignore").partition("\0")[0] if isinstance(value, bytes) else ""


def _user_comment(value: object, endian: str | None) -> str:
    """Return the text of a UserComment, whose first eight bytes name the encoding; "" if that is not supported."""
    if not isinstance(value, bytes):
        return ""
    encoding, content = value[:8].rstrip(b"\0 "), value[8:]
    if encoding == b"UNICODE":
        return content.decode("utf-16-le" if endian == "<" else "utf-16-be", errors="ignore").strip("\0\ufeff")
    return content.strip(b"\0 ").decode("utf-8", errors="ignore") if encoding == b"ASCII" else ""
