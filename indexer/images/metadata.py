"""What a photo says about itself: size, date taken, position, camera."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import SupportsFloat

from PIL import ExifTags, Image

_MAX_CAMERA = 80  # characters; the longest names of real cameras have about 50

_DATE = re.compile(r"\s*(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What is known of a photo beside its pixels.

    Attributes:
        format: The content's format for people, for instance "JPEG", whatever the name ends in.
        width: Pixels across, upright and at full size.
        height: Pixels down, upright and at full size.
        taken_at: When it was taken, in the camera's local time, without a zone; to the second.
        latitude: Degrees, north positive, -90 to 90; None without a position that can be true.
        longitude: Degrees, east positive, -180 to 180; None exactly where `latitude` is.
        camera: Maker and model, for instance "Canon EOS R5", at most 80 characters.
    """

    format: str
    width: int
    height: int
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Exif:
    """The part of a photo's EXIF block that Recall keeps; every field survives a garbled block.

    Attributes:
        orientation: 1 to 8 as in the EXIF standard (tag 0x0112); 1 is upright, also where none or nonsense is given.
        taken_at: As in `PhotoMetadata`.
        position: Latitude and longitude in degrees.
        camera: As in `PhotoMetadata`.
    """

    orientation: int = 1
    taken_at: datetime | None = None
    position: tuple[float, float] | None = None
    camera: str | None = None

    @classmethod
    def of_picture(cls, picture: Image.Image) -> Exif:
        """Return what a picture's EXIF block says, all defaults where there is none or it cannot be read."""
        try:
            return cls._of_tags(picture.getexif())
        except Exception:  # noqa: BLE001 metadata is a bonus: no way of breaking it may cost the photo
            return cls()

    @classmethod
    def of_tiff(cls, data: bytes) -> Exif:
        """Return what the tags of a TIFF-like file say, for instance of most RAW formats."""
        try:
            tags = Image.Exif()
            tags.load_from_fp(BytesIO(data))
            return cls._of_tags(tags)
        except Exception:  # noqa: BLE001 as above
            return cls()

    @classmethod
    def _of_tags(cls, tags: Image.Exif) -> Exif:
        orientation = tags.get(ExifTags.Base.Orientation)
        details = _sub_block(tags, ExifTags.IFD.Exif)
        dates = (
            details.get(ExifTags.Base.DateTimeOriginal),
            details.get(ExifTags.Base.DateTimeDigitized),
            tags.get(ExifTags.Base.DateTime),
        )
        return cls(
            orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
            taken_at=next((date for date in map(parse_date, dates) if date), None),
            position=parse_position(_sub_block(tags, ExifTags.IFD.GPSInfo)),
            camera=camera_name(tags.get(ExifTags.Base.Make), tags.get(ExifTags.Base.Model)),
        )

    def or_else(self, other: Exif) -> Exif:
        """Return this with its gaps filled from another block; the orientation stays."""
        return Exif(
            orientation=self.orientation,
            taken_at=self.taken_at or other.taken_at,
            position=self.position or other.position,
            camera=self.camera or other.camera,
        )


def _sub_block(tags: Image.Exif, block: int) -> Mapping[int, object]:
    """Return the tags of a block inside the block, none where its offset points nowhere."""
    try:
        return tags.get_ifd(block)
    except Exception:  # noqa: BLE001 one garbled block leaves the others readable
        return {}


def parse_date(value: object) -> datetime | None:
    """Return an EXIF date ("2024:07:21 18:03:59"), or None for anything that is no date, like all zeros."""
    found = _DATE.match(value) if isinstance(value, str) else None
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 a camera knows no zone
    except ValueError:
        return None


def parse_position(tags: Mapping[int, object]) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, or None where either is absent or impossible.

    The point 0, 0 counts as absent: cameras without a fix write it, and it lies in the open sea.

    Args:
        tags: The GPS block: references under 1 and 3, degrees-minutes-seconds under 2 and 4.
    """
    latitude = _degrees(tags.get(2), tags.get(1), signs={"N": 1, "S": -1}, limit=90)
    longitude = _degrees(tags.get(4), tags.get(3), signs={"E": 1, "W": -1}, limit=180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _degrees(value: object, reference: object, *, signs: Mapping[str, int], limit: int) -> float | None:
    """Return one signed coordinate in degrees; None without a reference, since its sign would be a guess."""
    letter = reference.decode("latin-1") if isinstance(reference, bytes) else reference
    sign = signs.get(letter.strip("\0 ").upper()) if isinstance(letter, str) else None
    if sign is None or not isinstance(value, Sequence) or isinstance(value, str | bytes) or not 1 <= len(value) <= 3:
        return None
    try:
        parts = [float(part) if isinstance(part, SupportsFloat) else math.nan for part in value]
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    degrees = sign * sum(part / 60**power for power, part in enumerate(parts))
    return degrees if all(part >= 0 for part in parts) and abs(degrees) <= limit else None  # nan is never >= 0


def camera_name(make: object, model: object) -> str | None:
    """Return "Make Model" without saying the make twice, printable and at most 80 characters; None without either."""
    maker, name = _clean(make), _clean(model)
    if maker and name and name.lower().split()[0] == maker.lower().split()[0]:
        maker = ""  # "NIKON CORPORATION", "NIKON D90"
    return f"{maker} {name}".strip()[:_MAX_CAMERA].rstrip() or None


def _clean(value: object) -> str:
    """Return text without control or formatting characters, its white space single."""
    text = value.decode("utf-8", errors="ignore") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
