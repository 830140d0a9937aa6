"""The metadata of one block (EXIF, XMP or IPTC), and how several are merged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Literal

from indexer.images.metadata import text_fields

TakenFrom = Literal["exif", "xmp", "iptc", "png", "takeout"]


class DatePriority(IntEnum):
    """Which date takes precedence; the lowest value wins."""

    SIDECAR = 0
    TAKEN = 1  # EXIF: DateTimeOriginal, DateTimeDigitized
    XMP = 2
    IPTC = 3  # and the text of a PNG
    CHANGED = 4  # EXIF: DateTime, which editing may change
    TAKEOUT = 5  # of Google, which guesses where a photo says nothing


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a photo was taken, according to one block.

    Attributes:
        taken_at: Local time, to the second, without a time zone.
        utc_offset: Minutes ahead of UTC, None if unknown.
        taken_from: The block that has it.
        priority: Its precedence.
    """

    taken_at: datetime
    utc_offset: int | None
    taken_from: TakenFrom
    priority: DatePriority


@dataclass(frozen=True, slots=True)
class MetadataBlock:
    """The metadata in one block; the fields are those of `PhotoMetadata`."""

    capture_time: CaptureTime | None = None
    position: tuple[float, float] | None = None
    camera: str | None = None
    lens: str | None = None
    rating: int | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def or_else(self, other: MetadataBlock) -> MetadataBlock:
        """Return this block with missing fields from another; the date is the one that takes precedence."""
        return MetadataBlock(
            capture_time=_preferred(self.capture_time, other.capture_time),
            position=self.position or other.position,
            camera=self.camera or other.camera,
            lens=self.lens or other.lens,
            rating=other.rating if self.rating is None else self.rating,
            title=self.title or other.title,
            description=self.description or other.description,
            tags=self.tags or other.tags,
            people=self.people or other.people,
            places=self.places or other.places,
        )


def merge_blocks(*, exif: MetadataBlock, xmp: MetadataBlock, iptc: MetadataBlock) -> MetadataBlock:
    """Return the metadata of a file.

    Title, description and rating come from XMP, then IPTC, then EXIF; camera and lens from EXIF first; tags from all.
    """
    merged = xmp.or_else(iptc).or_else(exif)
    tags = text_fields.tags([*xmp.tags, *iptc.tags, *exif.tags])
    return replace(merged, camera=exif.camera or xmp.camera, lens=exif.lens or xmp.lens, tags=tags)


def with_sidecar(embedded: MetadataBlock, sidecar: MetadataBlock) -> MetadataBlock:
    """Return the metadata of a file and its sidecar. The sidecar takes precedence, except for camera and lens."""
    capture_time = sidecar.capture_time and replace(sidecar.capture_time, priority=DatePriority.SIDECAR)
    merged = replace(sidecar, capture_time=capture_time).or_else(embedded)
    return replace(merged, camera=embedded.camera or sidecar.camera, lens=embedded.lens or sidecar.lens)


def _preferred(one: CaptureTime | None, other: CaptureTime | None) -> CaptureTime | None:
    """Return the time that takes precedence; the time zone may come from the other if the times are equal."""
    if one is None or other is None:
        return one or other
    first, second = sorted((one, other), key=lambda time: time.priority)
    if first.utc_offset is None and first.taken_at == second.taken_at:
        return replace(first, utc_offset=second.utc_offset)
    return first


def parse_rating(value: object) -> int | None:
    """Return a rating, 0 to 5, or -1 for rejected; None for any other value."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number) if math.isfinite(number) and -1 <= number <= 5 else None


_MIN_PERCENT = (1, 13, 38, 63, 88)  # of 1 to 5


def parse_percent(value: object) -> int | None:
    """Return the rating, 0 to 5, of one in percent; Windows writes 1, 25, 50, 75 and 99 for 1 to 5."""
    if not isinstance(value, str | int):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return sum(number >= percent for percent in _MIN_PERCENT) if 0 <= number <= 100 else None


def valid_position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Return a position; None if a coordinate is missing or both are 0, as cameras without a GPS fix write."""
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def to_degrees(parts: Sequence[float], *, sign: int, limit: int) -> float | None:
    """Return a coordinate in degrees from degrees, minutes and seconds; None if it is out of range."""
    value = sign * sum(part / 60**power for power, part in enumerate(parts))
    return value if all(part >= 0 for part in parts) and abs(value) <= limit else None  # false for nan
