"""Dates and time zones as cameras, phones and photo programs write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

MAX_DATE = 100
"""Characters of a date that are read, at most."""

_PART = r"(?>\d\d| \d|\d| {0,2})"
_DATE = re.compile(
    rf"\s*(?P<year>\d{{4}})(?:[:\-/.](?P<month>{_PART})(?:[:\-/.](?P<day>{_PART}))?+"
    r"|(?P<month_2>\d\d)(?P<day_2>\d\d)?+)?+(?!\d)"
)
"""Year, month and day. Months and days that are not known are missing, blank or 00."""

_ZONE = r"Z|(?:UTC|GMT)?\s*[+\-\u2212]\s*\d\d?(?::?\d\d)?|UTC|GMT"
_HALF = r"[ap]\.?\s?m\b\.?|上午|下午|午前|午後|오전|오후"
_TIME = re.compile(
    rf"(?:[\s\0T_,;]*|:)(?P<before>{_HALF})?\s*(?P<hour>\d\d?)"
    r"(?:\s*[:.]\s*(?P<minute>\d?\d?)(?:\s*[:.]\s*(?P<second>\d?\d?)(?:[.,:]\d+)?)?|(?P<minute_2>\d\d)(?P<second_2>\d\d)?)?"
    rf"(?!\d)\s*(?P<after>{_HALF})?\s*(?P<zone>{_ZONE})?",
    re.IGNORECASE,
)
_OTHER_SEPARATORS = re.compile(r"(\d\d?)[\-h](\d\d)[\-m](\d\d)s?")
_ZONE_ALONE = re.compile(rf"[\s\0T]*({_ZONE})", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+\-\u2212])\s*(\d\d?)(?::?(\d\d))?", re.IGNORECASE)
_AFTERNOON = ("p", "下午", "午後", "오후")


def parse_date(value: object) -> tuple[datetime, int | None] | None:
    """Return a date in the notation of EXIF, XMP or IPTC, and its minutes ahead of UTC; None if it is not a date.

    A date that is not fully known is its first moment: a year its first of January, a day without a time midnight.
    Unknown parts are missing (XMP Specification Part 1, 8.2.1.1), blank (EXIF 2.32, 4.6.5: DateTime) or 00 (IPTC-IIM
    2:55). A time that is there and cannot be understood makes the whole value no date, for midnight would be wrong.
    """
    match = _DATE.match(value[:MAX_DATE]) if isinstance(value, str) else None
    if not match:
        return None
    year, month, day = _numbers(match, "year", "month", "day")
    time = _parse_time(match.string[match.end() :], is_iso=match.string.startswith("-", match.end("year")))
    if time is None:
        return None
    is_full = month > 0 and day > 0
    try:
        start = datetime(year, month or 1, day if is_full else 1)  # noqa: DTZ001 cameras write local time
        return (start + time[0], time[1]) if is_full else (start, None)
    except (ValueError, OverflowError):
        return None


def _numbers(match: re.Match[str], *names: str) -> tuple[int, ...]:
    """Return the numbers in groups, each of which has a twin for the notation without separators; 0 for blanks."""
    groups = match.groupdict()
    texts = (groups[name] or groups.get(f"{name}_2") or "" for name in names)
    return tuple(int(text.strip() or 0) for text in texts)


def _parse_time(text: str, *, is_iso: bool) -> tuple[timedelta, int | None] | None:
    """Return the time since midnight and the minutes ahead of UTC of what follows a date; None if it makes no sense.

    Args:
        text: For instance " 18:03:59", "T18:03+02:00", or blanks.
        is_iso: Whether the date is in ISO 8601, where 24:00 is the end of the day. Phones that write 24:15 in EXIF mean
            a quarter past midnight of the day that they name.
    """
    if not any(character.isalnum() for character in text):
        return timedelta(0), None
    match = _TIME.match(_OTHER_SEPARATORS.sub(r"\1:\2:\3", text, count=1))
    if not match:
        zone = _ZONE_ALONE.match(text)
        return (timedelta(0), parse_offset(zone[1])) if zone else None
    hour, minute, second = _numbers(match, "hour", "minute", "second")
    if half := (match["before"] or match["after"] or "").lower():
        hour = hour % 12 + 12 * half.startswith(_AFTERNOON) if hour <= 12 else hour
    if hour == 24 and not (is_iso and minute == second == 0):
        hour = 0
    if hour > 24 or minute > 59 or second > 60:  # 60 is a leap second
        return None
    return timedelta(hours=hour, minutes=minute, seconds=min(second, 59)), parse_offset(match["zone"])


def parse_offset(value: object) -> int | None:
    """Return the minutes of an offset such as "+02:00", "-0330", "+2" or "Z"; None if no time zone has it."""
    if not isinstance(value, str):
        return None
    text = value[:MAX_DATE].strip("\0 ").upper()
    if text in ("Z", "UTC", "GMT"):
        return 0
    match = _OFFSET.match(text)
    if not match:
        return None
    sign, hours, minutes = match[1], int(match[2]), int(match[3] or 0)
    offset = (hours * 60 + minutes) * (1 if sign == "+" else -1)
    return offset if minutes < 60 and -12 * 60 <= offset <= 14 * 60 else None
