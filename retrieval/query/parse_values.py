"""Parses dates, positions, distances, sizes and ratings as people write them.

read_dates("May 2023")            the whole month as a TimeSpan for Filter.taken(on=…); its .start for after and before
read_coordinates("52.5, 13.4")    latitude and longitude in degrees
read_distance("5km")              kilometres
read_size("12mp")                 a filter
read_rating("4-5")                a filter
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, datetime, time, timedelta

from indexer.catalog.filters.criteria import TimeSpan, to_local_time
from indexer.catalog.filters.expression import Filter
from indexer.errors import QueryError

_LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt"]
"""Languages of dates in words; for an ambiguous date the first one counts. Each takes time to load."""

_KILOMETRES = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344, "miles": 1.609344}
"""Kilometres per unit of distance; the mile is the international mile of 1959."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_COORDINATES = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_DISTANCE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_SIDES = re.compile(r"\s*(\d+)\s*[x*]\s*(\d+)\s*", re.IGNORECASE)
_MEGAPIXELS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:mp|mpx|megapixels?)\s*", re.IGNORECASE)
_RATING = re.compile(r"\s*(\d)\s*(?:-\s*(\d)|\+)?\s*")


def read_dates(text: str, *, now: datetime | None = None) -> TimeSpan:
    """Return the time span of a date: a day, a whole month or year, a week, or the minute of a time.

    Dates in ISO 8601 (2023, 2023-05, 2023-05-01, 2023-05-01T18:30) are parsed here, all others by dateparser: "3 May
    2023", "May 2023", "yesterday", "last month". In 3/5/2023 and 03.05.2023 the day comes first. A date without a year
    is its last occurrence.

    Args:
        text: The date.
        now: The time that "yesterday" is relative to, in local time; by default the current time.

    Raises:
        QueryError: The text is not a date, or the date does not exist.
    """
    date = text.strip()
    try:
        span = _parse_iso(date)
    except (ValueError, OverflowError) as error:
        raise _not_a_date(text, f": {error}") from error
    if span is None and not date.isdigit():
        span = _parse_words(date, now or datetime.now())  # noqa: DTZ005 - local time is meant
    if span is None:
        raise _not_a_date(text)
    return span


def read_coordinates(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees; None for a text that is not two numbers with a comma between them."""
    match = _COORDINATES.fullmatch(text)
    return (float(match[1]), float(match[2])) if match else None


def read_distance(text: str) -> float:
    """Return a distance in km, which is also the default unit.

    Raises:
        QueryError: The text is not a distance above 0.
    """
    match = _DISTANCE.fullmatch(text)
    factor = _KILOMETRES.get(match[2].lower()) if match else None
    if match is None or factor is None or not float(match[1]) > 0:
        raise QueryError(f"{text!r} is not a distance; expected for instance 5km, 500m or 3mi")
    return float(match[1]) * factor


def read_size(text: str) -> Filter:
    """Return the filter for a minimum size: two sides in pixels ("1920x1080"), or megapixels ("12mp").

    Raises:
        QueryError: The text is not a size.
    """
    if sides := _SIDES.fullmatch(text):
        return Filter.min_size(int(sides[1]), int(sides[2]))
    if megapixels := _MEGAPIXELS.fullmatch(text):
        return Filter.min_pixels(round(float(megapixels[1]) * 1e6))
    raise QueryError(f"{text!r} is not a size; expected pixels such as 1920x1080, or megapixels such as 12mp")


def read_rating(text: str) -> Filter:
    """Return the filter for a minimum rating ("4"), or for a range of ratings ("3-4").

    Raises:
        QueryError: The text is not a rating.
    """
    match = _RATING.fullmatch(text)
    if not match:
        raise QueryError(f"{text!r} is not a rating; expected a number from 0 to 5, for instance 4 or 3-4")
    lowest = int(match[1])
    return Filter.rating(lowest, int(match[2] or max(5, lowest)))


def _parse_iso(text: str) -> TimeSpan | None:
    """Return the time span of a date in ISO 8601; None for another form.

    Raises:
        ValueError: The text has this form, but the date does not exist.
    """
    if match := _ISO.fullmatch(text):
        year, month, day = (int(part) if part else None for part in match.groups())
        start = datetime(year or 0, month or 1, day or 1)  # noqa: DTZ001 - cameras record no time zone
        return _period(start, "day" if day else "month" if month else "year")
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        return None
    start = to_local_time(datetime.fromisoformat(text))
    return TimeSpan(start, start + timedelta(seconds=1 if text.count(":") > 1 else 60))


def _parse_words(text: str, now: datetime) -> TimeSpan | None:
    """Return the time span of a date in words; None if it is not a date."""
    from dateparser.date import DateDataParser  # late: takes 150 ms

    parser = DateDataParser(
        languages=_LANGUAGES,
        use_given_order=True,
        settings={
            "DATE_ORDER": "DMY",
            "PREFER_DATES_FROM": "past",
            "RELATIVE_BASE": now,
            "RETURN_TIME_AS_PERIOD": True,
        },
    )
    data = parser.get_date_data(text)
    if data.date_obj is None or data.period is None:
        return None
    start = to_local_time(data.date_obj)
    if data.period == "time":
        return TimeSpan(start, start + timedelta(minutes=1))
    return _period(datetime.combine(start, time()), data.period)


def _period(day: datetime, period: str) -> TimeSpan:
    """Return the day, week (from Monday), month or year that contains a day."""
    if period == "week":
        start = day - timedelta(days=day.weekday())
        return TimeSpan(start, start + timedelta(days=7))
    if period == "day":
        return TimeSpan(day, datetime.max if day.date() == datetime.max.date() else day + timedelta(days=1))  # noqa: DTZ901
    start = day.replace(day=1) if period == "month" else day.replace(month=1, day=1)
    year, month = (day.year, day.month + 1) if period == "month" and day.month < 12 else (day.year + 1, 1)
    return TimeSpan(start, datetime.max if year > MAXYEAR else datetime(year, month, 1))  # noqa: DTZ001, DTZ901


def _not_a_date(text: str, reason: str = "") -> QueryError:
    """Return the error for a text that is not a date."""
    return QueryError(f"there is no date {text!r}{reason}; expected for instance 2023-05-01, 2023-05, 2023, 3 May 2023")
