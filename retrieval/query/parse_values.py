"""Parses dates, positions, distances, sizes and ratings as people write them.

read_dates("May 2023")            the whole month as a TimeSpan, for Filter.taken(on=…)
read_limit("a year ago")          the time at which a date begins, for after and before
read_coordinates("52.5, 13.4")    latitude and longitude in degrees
read_distance("5km")              kilometres
read_size("12mp")                 a filter
read_rating("4-5")                a filter
read_metadata("price<10")         a filter
"""

from __future__ import annotations

import csv
import re
from datetime import MAXYEAR, datetime, time, timedelta

from indexer.catalog.filters.criteria import TimeSpan, to_local_time
from indexer.catalog.filters.expression import Filter, Term
from indexer.catalog.filters.metadata import Comparison, TypedMetadata
from indexer.errors import QueryError
from retrieval.query.date_names import parse_names
from retrieval.query.date_phrases import decade_or_quarter, parse_ago, spell_out_years

_KILOMETRES = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344, "miles": 1.609344}
"""Kilometres per unit of distance; the mile is the international mile of 1959."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_COORDINATES = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_DISTANCE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_SIDES = re.compile(r"\s*(\d+)\s*[x*]\s*(\d+)\s*", re.IGNORECASE)
_MEGAPIXELS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:mp|mpx|megapixels?)\s*", re.IGNORECASE)
_COMPARISON = re.compile(r"([^<>=!]+)(<=|>=|!=|==|=|<|>)(.*)", re.DOTALL)
_RATING = re.compile(r"\s*(\d)\s*(?:-\s*(\d)|\+)?\s*")


def read_dates(text: str, *, now: datetime | None = None) -> TimeSpan:
    """Return the time span of a date: a day, a week, a month, a quarter, a year, a decade, or the minute of a time.

    Dates in ISO 8601 (2023, 2023-05, 2023-05-01, 2023-05-01T18:30), decades ("1990s"), quarters ("Q3 2021") and times
    ago ("a year ago": the whole year) are parsed here, all others by dateparser: "3 May 2023", "May 2023", "yesterday",
    "last month". In 3/5/2023 and 03.05.2023 the day comes first. A date without a year is its last occurrence.

    Args:
        text: The date.
        now: The time that "yesterday" is relative to, in local time; by default the current time.

    Raises:
        QueryError: The text is not a date, or the date does not exist.
    """
    now = now or datetime.now()  # noqa: DTZ005 - local time is meant
    date = spell_out_years(text.strip(), now=now)
    try:
        span = _parse_iso(date)
        if span is None and not date.isdigit():
            span = _parse_words(date, now)
    except (ValueError, OverflowError) as error:
        raise _not_a_date(text, f": {error}") from error
    if span is None:
        raise _not_a_date(text)
    return span


def read_limit(text: str, *, now: datetime | None = None) -> datetime:
    """Return the time at which a date begins, for `Filter.taken(after=…, before=…)`.

    "A year ago" is this day of last year, while the span of `read_dates` is the whole year.

    Args:
        text: As for `read_dates`.
        now: As for `read_dates`.

    Raises:
        QueryError: The text is not a date, or the date does not exist.
    """
    now = now or datetime.now()  # noqa: DTZ005 - local time is meant
    start = read_dates(text, now=now).start
    distance = parse_ago(text, now=now)
    return distance.start if distance else start


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


def read_metadata(text: str) -> Filter:
    """Return the filter for a comparison of metadata, whose value a library reads as a number or a text.

    "price<10" compares with <, <=, >, >=, = or !=; "shop=Berlin,Paris" is one of both, and a value in double quotes may
    have a comma. "price" alone is for items that have a price.

    Raises:
        QueryError: The text is not a comparison.
    """
    match = _COMPARISON.fullmatch(text)
    if match is None and re.search("[<>=!]", text):
        raise QueryError(f"{text!r} is not a comparison; expected for instance price<10, shop=Berlin,Paris or price")
    if match is None:
        return Filter.meta(text.strip()).known()
    key, operator, right = match[1].strip(), match[2], match[3].strip()
    Filter.meta(key)  # raises for a blank key
    orders: dict[str, Comparison] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
    if operator in orders:
        return Term(TypedMetadata(key, orders[operator], (right,)))
    try:
        values = tuple(value.strip() for value in next(csv.reader([right], skipinitialspace=True), [])) or ("",)
    except csv.Error as error:
        raise QueryError(
            f"the values in {text[:100]!r} cannot be read: {error}; put them into double quotes"
        ) from error
    equal = Term(TypedMetadata(key, "one_of" if len(values) > 1 else "==", values))
    return ~equal if operator == "!=" else equal


def _parse_iso(text: str) -> TimeSpan | None:
    """Return the time span of a date in ISO 8601; None for another form.

    Raises:
        ValueError: The text has this form, but the date does not exist.
    """
    if match := _ISO.fullmatch(text):
        year, month, day = (None if part is None else int(part) for part in match.groups())
        start = datetime(year or 0, 1 if month is None else month, 1 if day is None else day)  # noqa: DTZ001 - cameras record no time zone
        return _period(start, "day" if day else "month" if month else "year")
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        return None
    start = to_local_time(datetime.fromisoformat(text))
    return TimeSpan(start, start + timedelta(seconds=1 if text.count(":") > 1 else 60))


def _parse_words(text: str, now: datetime) -> TimeSpan | None:
    """Return the time span of a date in words; None if it is not a date.

    Raises:
        ValueError: The text is a date that does not exist.
    """
    if span := decade_or_quarter(text, now=now):
        return span
    if distance := parse_ago(text, now=now):
        return _period(distance.start, distance.unit)
    date = parse_names(text, now=now)
    if date is None:
        return None
    start = to_local_time(date.value)
    if date.period == "time":
        return _period(start, "minute")
    return _period(datetime.combine(start, time()), date.period)


def _period(day: datetime, period: str) -> TimeSpan:
    """Return the minute, day, week (from Monday), month or year that begins with a time or contains a day."""
    if period == "minute":
        return TimeSpan(day, day + timedelta(minutes=1))
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
