"""The JSON files of Google Takeout, which hold what Google Photos knows of a photo; untrusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from indexer.images.metadata import text_fields
from indexer.images.metadata.block import CaptureTime, DatePriority, MetadataBlock, valid_position

MAX_TAKEOUT_BYTES = 1024**2
"""Larger files are not read: these have kilobytes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_takeout(data: bytes) -> MetadataBlock:
    """Return the date, position, description and people in a file of Takeout; empty if it is no such file.

    The date is in UTC, because the file does not say where the photo was taken.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return MetadataBlock()
    if not isinstance(content, dict) or not isinstance(content.get("photoTakenTime"), dict):
        return MetadataBlock()
    people = content.get("people")
    return MetadataBlock(
        capture_time=_capture_time(content["photoTakenTime"].get("timestamp")),
        position=_position(content.get("geoData")) or _position(content.get("geoDataExif")),
        description=text_fields.description(content.get("description")),
        people=text_fields.tags(
            person.get("name") for person in (people if isinstance(people, list) else ()) if isinstance(person, dict)
        ),
    )


def _capture_time(timestamp: object) -> CaptureTime | None:
    """Return the time of seconds since 1970, which Takeout writes as text; 0 is none."""
    try:
        seconds = int(timestamp) if isinstance(timestamp, str | int) and not isinstance(timestamp, bool) else 0
        taken_at = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return CaptureTime(taken_at, 0, "takeout", DatePriority.TAKEOUT) if seconds else None


def _position(place: object) -> tuple[float, float] | None:
    if not isinstance(place, dict):
        return None
    return valid_position(_degrees(place.get("latitude"), limit=90), _degrees(place.get("longitude"), limit=180))


def _degrees(value: object, *, limit: int) -> float | None:
    is_degrees = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit  # false for nan
    return float(value) if is_degrees else None  # type: ignore[arg-type]  # checked above
