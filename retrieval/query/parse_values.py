"""Dates, places, distances, sizes and ratings as people write them.

read_dates("May 2023")      the whole month, as a Span: for Filter.taken(on=…), or its .start for after and before
read_place("52.5, 13.4")    latitude and longitude in degrees
read_distance("5km")        kilometres
read_size("12mp")           a filter
read_rating("4-5")          a filter
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, datetime, time, timedelta

from indexer.catalog.filters.criteria import TimeSpan, to_local_time
from indexer.catalog.filters.expression import Filter
from indexer.errors import QueryError

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt"]
"""Languages of dates in words, the earlier one where two could be meant; each takes time to load."""

KILOMETRES = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344, "miles": 1.609344}
"""Units of distance; the international mile (1959)."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_PLACE = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_DISTANCE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_SIDES = re.compile(r"\s*(\d+)\s*[x*]\s*(\d+)\s*", re.IGNORECASE)
_MEGAPIXELS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:mp|mpx|megapixels?)\s*", re.IGNORECASE)
_RATING = re.compile(r"\s*(\d)\s*(?:-\s*(\d)|\+)?\s*")


def read_dates(text: str, *, now: datetime | None = None) -> TimeSpan:
    """Return the stretch of time that a date means: a day, a whole month or year, a week, or a moment's minute.

    Years, months, days and moments in the form of ISO 8601 (2023, 2023-05, 2023-05-01, 2023-05-01T18:30) are read here,
    all others by dateparser: "3 May 2023", "May 2023", "yesterday", "last month". Of 3/5/2023 and 03.05.2023 the first
    number is the day. A date without a year is the last such day.

    Args:
        text: The date.
        now: What "yesterday" counts from, local time; by default the present.

    Raises:
        QueryError: It is no date, or one that does not exist.
    """
    said = text.strip()
    try:
        span = _iso(said)
    except (ValueError, OverflowError) as error:
        raise _no_date(text, f": {error}") from error
    if span is None and not said.isdigit():
        span = _in_words(said, now or datetime.now())  # noqa: DTZ005 - local time is meant
    if span is None:
        raise _no_date(text)
    return span


def read_place(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, or None for what is not written like a place."""
    found = _PLACE.fullmatch(text)
    return (float(found[1]), float(found[2])) if found else None


def read_distance(text: str) -> float:
    """Return a distance in km; without a unit it is one in km.

    Raises:
        QueryError: It is no distance above 0.
    """
    found = _DISTANCE.fullmatch(text)
    factor = KILOMETRES.get(found[2].lower()) if found else None
    if found is None or factor is None or not float(found[1]) > 0:
        raise QueryError(f"{text!r} is no distance; expected for instance 5km, 500m or 3mi")
    return float(found[1]) * factor


def read_size(text: str) -> Filter:
    """Return the filter for at least this size: two sides in pixels ("1920x1080"), or megapixels ("12mp").

    Raises:
        QueryError: It is no size.
    """
    if sides := _SIDES.fullmatch(text):
        return Filter.min_size(int(sides[1]), int(sides[2]))
    if megapixels := _MEGAPIXELS.fullmatch(text):
        return Filter.min_pixels(round(float(megapixels[1]) * 1e6))
    raise QueryError(f"{text!r} is no size; expected pixels such as 1920x1080, or megapixels such as 12mp")


def read_rating(text: str) -> Filter:
    """Return the filter for so many stars or more ("4"), or for a range ("3-4").

    Raises:
        QueryError: It is no rating.
    """
    found = _RATING.fullmatch(text)
    if not found:
        raise QueryError(f"{text!r} is no rating; expected stars from 0 to 5, for instance 4 or 3-4")
    lowest = int(found[1])
    return Filter.rating(lowest, int(found[2] or max(5, lowest)))


def _iso(text: str) -> TimeSpan | None:
    """Return what a date in the form of ISO 8601 means, None for another form.

    Raises:
        ValueError: It has the form, but there is no such date.
    """
    if found := _ISO.fullmatch(text):
        year, month, day = (int(part) if part else None for part in found.groups())
        start = datetime(year or 0, month or 1, day or 1)  # noqa: DTZ001 - cameras know no zone
        return _period(start, "day" if day else "month" if month else "year")
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        return None
    moment = to_local_time(datetime.fromisoformat(text))
    return TimeSpan(moment, moment + timedelta(seconds=1 if text.count(":") > 1 else 60))


def _in_words(text: str, now: datetime) -> TimeSpan | None:
    """Return what a date in words means, None where it means nothing."""
    from dateparser.date import DateDataParser  # late: takes 150 ms

    reader = DateDataParser(
        languages=LANGUAGES,
        use_given_order=True,
        settings={
            "DATE_ORDER": "DMY",
            "PREFER_DATES_FROM": "past",
            "RELATIVE_BASE": now,
            "RETURN_TIME_AS_PERIOD": True,
        },
    )
    found = reader.get_date_data(text)
    if found.date_obj is None or found.period is None:
        return None
    moment = to_local_time(found.date_obj)
    if found.period == "time":
        return TimeSpan(moment, moment + timedelta(minutes=1))
    return _period(datetime.combine(moment, time()), found.period)


def _period(day: datetime, period: str) -> TimeSpan:
    """Return the day, week (from Monday), month or year in which a day lies."""
    if period == "week":
        start = day - timedelta(days=day.weekday())
        return TimeSpan(start, start + timedelta(days=7))
    if period == "day":
        return TimeSpan(day, datetime.max if day.date() == datetime.max.date() else day + timedelta(days=1))  # noqa: DTZ901
    start = day.replace(day=1) if period == "month" else day.replace(month=1, day=1)
    year, month = (day.year, day.month + 1) if period == "month" and day.month < 12 else (day.year + 1, 1)
    return TimeSpan(start, datetime.max if year > MAXYEAR else datetime(year, month, 1))  # noqa: DTZ001, DTZ901


def _no_date(text: str, reason: str = "") -> QueryError:
    return QueryError(f"there is no date {text!r}{reason}; expected for instance 2023-05-01, 2023-05, 2023, 3 May 2023")
