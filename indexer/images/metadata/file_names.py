"""Dates in the names that cameras, phones and messengers give to photos."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_DATE = re.compile(
    r"(?:^|(?<=[^0-9A-Za-z])|(?<=[A-Z]{3}))"  # IMG20190501123456, but no hexadecimal number
    r"((?:18|19|20)\d\d)([-_. ]?)(\d\d)\2(\d\d)(?![A-SU-Za-su-z])"
)
_TIME = re.compile(
    r"(?:[-_. T]|,? (?:at|um|à|a las|alle|às|om|kl\.?) )?"  # of screenshots, in the languages of their phones
    r"(\d\d?)([-_.:h]?)(\d\d)(?:\2|m)(\d\d)(?:\s?([AP])M)?",
    re.IGNORECASE,
)
_NO_MORE = re.compile(r"(?!\d)|\d{3}(?!\d)")
"""What may follow: milliseconds, or no digit."""

_MIN_YEAR = 1826
"""Of the oldest photograph."""


def date_in_name(name: str, *, now: datetime) -> datetime | None:
    """Return the time in a photo's name, in local time, None without one; a day without a time is midnight.

    Args:
        name: For instance "IMG_20190501_123456.jpg", "IMG-20190501-WA0001.jpg" or "2019-05-01 12.34.56.png".
        now: A date after it is a number of another meaning.
    """
    for match in _DATE.finditer(name):
        try:
            day = datetime(int(match[1]), int(match[3]), int(match[4]))  # noqa: DTZ001 names have local time
        except ValueError:
            continue
        time = _time_after(name, match.end())
        if time is None or day.year < _MIN_YEAR or day + time > now + timedelta(days=1):
            continue
        return day + time
    return None


def _time_after(name: str, start: int) -> timedelta | None:
    """Return the time that follows a day in a name, midnight if none does; None if a longer number contains the day."""
    match = _TIME.match(name, start)
    if match and _NO_MORE.match(name, match.end()):
        hour, minute, second = int(match[1]), int(match[3]), int(match[4])
        if match[5] and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match[5] in "Pp" else 0)
        if hour < 24 and minute < 60 and second < 60:
            return timedelta(hours=hour, minutes=minute, seconds=second)
    return None if name[start : start + 1].isdigit() else timedelta(0)
