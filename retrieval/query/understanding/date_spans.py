"""The time spans of seasons, holidays, months and periods, and their names."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.catalog.filters.criteria import TimeSpan
from retrieval.query.date_phrases import months_later

_SEASON_DAYS = {"spring": ((3, 1), (6, 21)), "summer": ((6, 1), (9, 23)), "autumn": ((9, 1), (12, 22))}
"""First day, and the day after the last one: from the meteorological beginning to the astronomical end, as both are
called the season. Of the northern hemisphere."""


def day_span(year: int, month: int, day: int) -> TimeSpan:
    """Return a day.

    Raises:
        ValueError: There is no such day.
    """
    start = datetime(year, month, day)  # noqa: DTZ001 - cameras record no time zone
    return TimeSpan(start, start + timedelta(days=1))


def month_span(year: int, month: int) -> TimeSpan:
    """Return a month."""
    start = day_span(year, month, 1).start
    return TimeSpan(start, months_later(start, 1))


def year_span(first: int, last: int | None = None) -> TimeSpan:
    """Return a year, or the years from one to another."""
    return TimeSpan(day_span(first, 1, 1).start, day_span((last or first) + 1, 1, 1).start)


def season_spans(name: str, year: int) -> list[TimeSpan]:
    """Return a season of a year; of winter both that belong to it."""
    if name == "winter":
        return [TimeSpan(day_span(first, 12, 1).start, day_span(first + 1, 3, 21).start) for first in (year - 1, year)]
    first, end = _SEASON_DAYS[name]
    return [TimeSpan(day_span(year, *first).start, day_span(year, *end).start)]


_HOLIDAY_DAYS = {
    "Christmas": (12, 24, 3),
    "Christmas Eve": (12, 24, 1),
    "New Year's Eve": (12, 31, 2),
    "Halloween": (10, 31, 1),
}
"""Month, first day, and number of days."""


def holiday_spans(name: str, year: int) -> list[TimeSpan]:
    """Return the days of a holiday: Christmas from 24 to 26 December, Easter from Friday to Monday."""
    if name == "Easter":
        sunday = _easter(year)
        return [TimeSpan(sunday - timedelta(days=2), sunday + timedelta(days=2))]
    if name == "New Year":  # the night in which it begins, or the one in which it ends
        return [span for before in (year - 1, year) for span in holiday_spans("New Year's Eve", before)]
    month, day, count = _HOLIDAY_DAYS[name]
    start = day_span(year, month, day).start
    return [TimeSpan(start, start + timedelta(days=count))]


def period_spans(unit: str, now: datetime, steps: int) -> list[TimeSpan]:
    """Return a period by its distance from the current one: with -1 last year, month, week, weekend, season.

    Args:
        unit: "year", "month", "week", "weekend", "day", or the name of a season.
        now: The current time.
        steps: Number of periods from the current one: 0 is this one, -1 the last one that is over or has begun before.
    """
    today = day_span(now.year, now.month, now.day).start
    if unit == "year":
        return [year_span(now.year + steps)]
    if unit == "month":
        first = months_later(today.replace(day=1), steps)
        return [month_span(first.year, first.month)]
    if unit in ("week", "weekend"):
        monday = today + timedelta(days=7 * steps - today.weekday())
        return [TimeSpan(monday + timedelta(days=5 if unit == "weekend" else 0), monday + timedelta(days=7))]
    if unit == "day":
        return [TimeSpan(today + timedelta(days=steps), today + timedelta(days=steps + 1))]
    seasons = [span for year in range(now.year - 2, now.year + 2) for span in season_spans(unit, year)]
    begun = sorted({span for span in seasons if span.start <= now and (steps == 0 or span.end <= now)})
    return begun[-1:]


def span_name(span: TimeSpan) -> str:
    """Return a time span in words: 2019, May 2018, 2019-05-01, or its first and last day."""
    start, last = span.start, span.end - timedelta(days=1)
    if last.date() == start.date():
        return f"{start:%Y-%m-%d}"
    if span == year_span(start.year):
        return f"{start.year}"
    if span == year_span(start.year, last.year):
        return f"{start.year} to {last.year}"
    if span == month_span(start.year, start.month):
        return f"{calendar.month_name[start.month]} {start.year}"
    return f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"


def spans_name(spans: Sequence[TimeSpan]) -> str:
    """Return several time spans in words."""
    return " or ".join(map(span_name, spans))


def _easter(year: int) -> datetime:
    """Return Easter Sunday of the Gregorian calendar (Meeus 1991, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    length = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * length) // 451
    month, day = divmod(h + length - 7 * m + 114, 31)
    return day_span(year, month, day + 1).start
