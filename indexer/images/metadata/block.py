"""What the blocks of a file say of a photo, in one form, and whose word counts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Literal

from indexer.images.metadata import text_fields

TakenFrom = Literal["exif", "xmp", "iptc"]


class DatePriority(IntEnum):
    """Whose date counts, the least first."""

    SIDECAR = 0
    TAKEN = 1  # EXIF: DateTimeOriginal, DateTimeDigitized
    XMP = 2
    IPTC = 3
    CHANGED = 4  # EXIF: DateTime, which editing may move


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a photo was taken, as one block says it.

    Attributes:
        taken_at: What the clock showed there, without a zone; to the second.
        utc_offset: Minutes that it was ahead of UTC, None where that is not said.
        taken_from: Who says so.
        priority: How much that counts.
    """

    taken_at: datetime
    utc_offset: int | None
    taken_from: TakenFrom
    priority: DatePriority


@dataclass(frozen=True, slots=True)
class MetadataBlock:
    """What one block says; the fields are those of `PhotoMetadata`."""

    capture_time: CaptureTime | None = None
    position: tuple[float, float] | None = None
    camera: str | None = None
    lens: str | None = None
    rating: int | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()

    def or_else(self, other: MetadataBlock) -> MetadataBlock:
        """Return this with its gaps filled from another block; the date is the one that counts more."""
        return MetadataBlock(
            capture_time=_better(self.capture_time, other.capture_time),
            position=self.position or other.position,
            camera=self.camera or other.camera,
            lens=self.lens or other.lens,
            rating=other.rating if self.rating is None else self.rating,
            title=self.title or other.title,
            description=self.description or other.description,
            tags=self.tags or other.tags,
        )


def merge_blocks(*, exif: MetadataBlock, xmp: MetadataBlock, iptc: MetadataBlock) -> MetadataBlock:
    """Return what a file says: words and stars as programs wrote them, the rest as the camera did, all tags."""
    said = xmp.or_else(iptc).or_else(exif)
    tags = text_fields.tags([*xmp.tags, *iptc.tags, *exif.tags])
    return replace(said, camera=exif.camera or xmp.camera, lens=exif.lens or xmp.lens, tags=tags)


def with_sidecar(inside: MetadataBlock, sidecar: MetadataBlock) -> MetadataBlock:
    """Return what a file and the XMP file beside it say: the sidecar counts, but the camera knows itself best."""
    moment = sidecar.capture_time and replace(sidecar.capture_time, priority=DatePriority.SIDECAR)
    said = replace(sidecar, capture_time=moment).or_else(inside)
    return replace(said, camera=inside.camera or sidecar.camera, lens=inside.lens or sidecar.lens)


def _better(one: CaptureTime | None, other: CaptureTime | None) -> CaptureTime | None:
    """Return the moment that counts more, with the other's zone where that belongs to the same date."""
    if one is None or other is None:
        return one or other
    best, rest = sorted((one, other), key=lambda moment: moment.priority)
    if best.utc_offset is None and best.taken_at == rest.taken_at:
        return replace(best, utc_offset=rest.utc_offset)
    return best


_DATE = re.compile(
    r"\s*(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_OFFSET = re.compile(r"\s*([+-])(\d\d):?(\d\d)")


def parse_date(value: object) -> tuple[datetime, int | None] | None:
    """Return a date as EXIF or XMP writes it and its minutes ahead of UTC, None where it is no date, like all zeros.

    A day without a time counts as its first moment.
    """
    found = _DATE.match(value) if isinstance(value, str) else None
    if not found:
        return None
    *parts, zone = found.groups(default="")
    try:
        return datetime(*(int(part or 0) for part in parts)), parse_offset(zone)  # type: ignore[arg-type]  # noqa: DTZ001 a camera knows no zone
    except ValueError:
        return None


def parse_offset(value: object) -> int | None:
    """Return the minutes of "+02:00", "-0330" or "Z"; None for anything else, and outside of the zones there are."""
    if not isinstance(value, str):
        return None
    if value.strip("\0 ") == "Z":
        return 0
    found = _OFFSET.match(value)
    if not found:
        return None
    sign, hours, minutes = found.groups()
    offset = int(f"{sign}1") * (int(hours) * 60 + int(minutes))
    return offset if int(minutes) < 60 and -12 * 60 <= offset <= 14 * 60 else None


def parse_rating(value: object) -> int | None:
    """Return stars, 0 to 5, or -1 for rejected; None for anything else."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number) if math.isfinite(number) and -1 <= number <= 5 else None


_PERCENT = (0, 1, 13, 38, 63, 88)


def parse_percent(value: object) -> int | None:
    """Return the stars of a rating in percent: Windows writes 1, 25, 50, 75 and 99 for one to five stars."""
    if not isinstance(value, str | int):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return sum(number >= least for least in _PERCENT[1:]) if 0 <= number <= 100 else None


def valid_position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Return a position, or None where a coordinate is absent or both are 0, which cameras without a fix write."""
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def to_degrees(parts: Sequence[float], *, sign: int, limit: int) -> float | None:
    """Return one coordinate of degrees, minutes and seconds; None where it cannot be true."""
    value = sign * sum(part / 60**power for power, part in enumerate(parts))
    return value if all(part >= 0 for part in parts) and abs(value) <= limit else None  # nan is never >= 0
