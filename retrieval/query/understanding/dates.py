"""Finds dates in a text.

What counts as a date, in English and in similar forms of German, French, Spanish, Italian, Dutch and Portuguese:

- a day, or a month with its year: 2019-05-01, 1.5.2019, May 2018, 3 May 2018
- a season or a holiday with its year: summer 2019, Christmas last year
- a period by its distance from today: yesterday, last week, last summer, two years ago
- a year or a decade after a word like "in" or "since", or a year at the end of the text
- a month after "in", of any year
- years between two others, and times before or after a date

A number at the beginning or before a noun stays a word: "2001: A Space Odyssey", "1984 poster", "a 1950s car".
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Literal, NamedTuple

from indexer.catalog.filters.criteria import TimeSpan
from indexer.catalog.filters.expression import Filter
from retrieval.query.date_phrases import decade_or_quarter, parse_ago
from retrieval.query.parse_values import read_dates
from retrieval.query.understanding.date_spans import (
    day_span,
    holiday_spans,
    month_span,
    period_spans,
    season_spans,
    spans_name,
    year_span,
)
from retrieval.query.understanding.date_words import (
    AFTER_DISTANCE,
    BEFORE_DISTANCE,
    HOLIDAYS,
    MONTHS,
    SEASONS,
    TODAY,
    UNIT_OF,
    YESTERDAY,
)
from retrieval.query.understanding.tokens import Marks, Phrase, Token, line, spans, word_set


def _words(words: Mapping[str, object] | str) -> str:
    names = words.split() if isinstance(words, str) else words
    return "(?:" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + ")"


_YEAR = r"(?:18[3-9]\d|19\d\d|20\d\d)"
_MONTH, _SEASON, _HOLIDAY = _words(MONTHS), _words(SEASONS), _words(HOLIDAYS)
_OF = r"(?:(?:of|in|de|du|del|di|do|van|von|the) )*"
_DAY = r"(\d\d?)(?:st|nd|rd|th|er|º|ª|°|\.)?"
_THIS = r"(?:this|dies\w+|cet|cette|ce|este|esta|questo|questa|quest'|dit|deze)"
_LAST = r"(?:last|previous|letzte[nrsm]?|vorige[nrsm]?|vergangene[nrsm]?|afgelopen|vorig)"
_LATER_LAST = r"(?:dernier|derniere|passee?|pasado|pasada|scors[oa]|passad[oa])"
_UNIT = _words(UNIT_OF)
_RELATIVE = (
    rf"(?:(?P<this>{_THIS}) ?|(?P<last>{_LAST}) )(?P<unit>{_UNIT})"
    rf"|(?:l')?(?P<unit_of_last>{_UNIT}) (?P<later>{_LATER_LAST})"
)
_WHEN = rf"(?:(?P<year>{_YEAR})|{_RELATIVE.replace('<', '<of_')})"

_FULL = (
    re.compile(rf"(?<!\S)(?P<iso>{_YEAR}-\d\d?(?:-\d\d?)?|\d\d?[./]\d\d?[./]{_YEAR}|{_YEAR}/\d\d?/\d\d?)(?!\S)"),
    re.compile(rf"(?<!\S)(?:{_DAY} {_OF})?(?P<month>{_MONTH}) {_OF}(?P<year>{_YEAR})(?!\S)"),
    re.compile(rf"(?<!\S)(?P<month>{_MONTH}) {_DAY} (?P<year>{_YEAR})(?!\S)"),
    re.compile(rf"(?<!\S)(?:(?P<season>{_SEASON})|(?P<holiday>{_HOLIDAY})) {_OF}{_WHEN}(?!\S)"),
    re.compile(rf"(?<!\S)(?:{_RELATIVE})(?!\S)"),
    re.compile(
        rf"(?<!\S)(?P<ago>(?:\S+ ){{2,4}}?(?:{'|'.join(AFTER_DISTANCE)})"
        rf"|(?:{'|'.join(BEFORE_DISTANCE)}) (?:\S+ )\S+)(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:between|zwischen|entre|tra|tussen|from|von|de|da|van) (?P<first>{_YEAR}) "
        rf"(?:and|to|until|till|und|bis|et|y|e|a|en|tot|ate) (?P<end>{_YEAR})(?!\S)"
    ),
)
"""Dates that need no word before them. They are searched for in the folded words of a text, without punctuation."""

_BARE = re.compile(
    rf"(?<!\S)(?:(?P<first>{_YEAR})[\u2013-](?P<end>{_YEAR})|(?P<year>{_YEAR})"
    rf"|(?P<recent>{'|'.join(sorted(TODAY | YESTERDAY))}))(?!\S)"
)
"""Dates that need a word before them, or the end of the text after them."""

_PREPOSITION = (
    r"(?:(?:in|from|during|aus|im|en|dans|nel|del|durante|pendant|wahrend|in the year|im jahr|aus dem jahr) )"
)
_AFTER_WORD = (
    re.compile(rf"(?<!\S){_PREPOSITION}(?:(?P<first>{_YEAR})[\u2013-](?P<end>{_YEAR})|(?P<year>{_YEAR}))(?!\S)"),
    re.compile(
        rf"(?<!\S){_PREPOSITION}(?:the |den |les |los |gli |de |os )?(?P<decade>(?:\d\d)?\d0'?s|(?:\d\d)?\d0er)(?!\S)"
    ),
    re.compile(rf"(?<!\S)(?:in|im|en|nel|em) (?:the |mes de )?(?P<any_month>{_MONTH})(?!\S)"),
)
"""Dates that count after a word, if nothing follows that they could belong to."""

_INTRODUCTION = re.compile(
    r"(?:(?:^| )(?:taken|shot|made|aufgenommen|prise?s?))?"
    r"(?:(?:^| )(?:(?P<before>before|until|till|vor|bis|avant|antes de|prima del|prima di|voor)"
    r"|(?P<after>after|nach|apres|despues de|depois de|dopo il|dopo|na)|(?P<since>since|seit|ab|depuis|desde|dal|sinds)"
    r"|in|on|at|from|of|during|im|am|vom|aus|von|en|dans|le|el|a|au|nel|del|op|em))?"
    r"(?:(?:^| )(?:the|year|jahr|den|dem|der))*$"
)
"""What stands before a date and belongs to it."""

_LABELS = word_set(
    "no number nr page room route highway bus tram line gate flight model version size bmw peugeot windows office "
    "porsche fiat boeing airbus class since interstate seite zimmer linie"
)
"""Words whose number is no year."""


class _Date(NamedTuple):
    """A date in a text: its time spans, and its name if they are too many to be listed."""

    spans: Sequence[TimeSpan]
    name: str = ""


Limit = Literal["before", "after", "since"]


def full_dates(tokens: Sequence[Token], *, now: datetime, years: Callable[[], range]) -> Iterator[Phrase]:
    """Yield the dates that count wherever they stand, with the words that introduce them.

    Args:
        tokens: The words of the text.
        now: The current time, in local time.
        years: Returns the years of the library's photos.
    """
    text = line(tokens)
    limited = re.compile(
        rf"(?<!\S)(?:before|after|since|until|vor|nach|seit|ab|avant|apres|depuis|desde) (?P<year>{_YEAR})(?!\S)"
    )
    for pattern in (*_FULL, limited):
        for start, end, match in spans(text, pattern.finditer(text)):
            with suppress(ValueError, OverflowError):
                if date := _date(match, now, years):
                    first, limit = _introduction(tokens, start if pattern is not limited else start + 1)
                    yield _phrase(first, end, date, limit)


def dates_after_words(
    tokens: Sequence[Token], marks: Marks, *, now: datetime, years: Callable[[], range]
) -> Iterator[Phrase]:
    """Yield the years, decades and months after a word like "in"; arguments as for `full_dates`."""
    text = line(tokens)
    for pattern in _AFTER_WORD:
        for start, end, match in spans(text, pattern.finditer(text)):
            with suppress(ValueError, OverflowError):
                if marks.is_free(start, end) and marks.is_complete(end) and (date := _date(match, now, years)):
                    yield _phrase(_introduction(tokens, start)[0], end, date, None)


def bare_dates(tokens: Sequence[Token], marks: Marks, *, now: datetime, years: Callable[[], range]) -> Iterator[Phrase]:
    """Yield the years at the end, or before other phrases, and those that are alone; arguments as for `full_dates`."""
    text = line(tokens)
    for start, end, match in spans(text, _BARE.finditer(text)):
        before = tokens[start - 1].folded if start else ""
        if not marks.is_free(start, end) or not marks.is_complete(end) or before in _LABELS or before == "the":
            continue
        if tokens[end - 1].mark[:1] == ":" or (start == 0 and end < len(tokens) and marks.is_free(end, end + 1)):
            continue  # a title, or a number before a noun
        with suppress(ValueError, OverflowError):
            if date := _date(match, now, years):
                yield _phrase(start, end, date, None)


def _date(match: re.Match[str], now: datetime, years: Callable[[], range]) -> _Date | None:
    """Return what a match of one of the patterns stands for; None if it is no date after all.

    Raises:
        ValueError: There is no such day.
    """
    parts = {name: value for name, value in match.groupdict().items() if value}
    read = next((read for name, read in _READERS if name in parts), None)
    if read is not None:
        return read(parts, now)
    if "month" in parts:
        day = next((int(group) for group in match.groups() if group and group.isdigit() and len(group) < 3), None)
        month, year = MONTHS[parts["month"]], int(parts["year"])
        return _Date([day_span(year, month, day) if day else month_span(year, month)])
    if "any_month" in parts:
        month = MONTHS[parts["any_month"]]
        return _Date([month_span(year, month) for year in years()], f"in any {calendar.month_name[month]}")
    year = int(parts["year"])
    return _Date([year_span(year)]) if year <= now.year else None


def _relative(parts: Mapping[str, str], now: datetime) -> _Date:
    """Return this or the last year, month, week, weekend or season."""
    unit = UNIT_OF[parts.get("unit") or parts["unit_of_last"]]
    return _Date(period_spans(unit, now, 0 if "this" in parts else -1))


def _years(parts: Mapping[str, str], now: datetime) -> _Date | None:
    """Return the years from one to another; None if the second is before the first."""
    first, end = int(parts["first"]), int(parts["end"])
    return _Date([year_span(first, end)]) if first <= min(end, now.year) else None


def _decade(parts: Mapping[str, str], now: datetime) -> _Date | None:
    span = decade_or_quarter(parts["decade"], now=now)
    return _Date([span]) if span else None


def _ago(parts: Mapping[str, str], now: datetime) -> _Date | None:
    return _Date([read_dates(parts["ago"], now=now)]) if parse_ago(parts["ago"], now=now) else None


def _recent(parts: Mapping[str, str], now: datetime) -> _Date:
    """Return today or yesterday."""
    return _Date(period_spans("day", now, 0 if parts["recent"] in TODAY else -1))


def _number(parts: Mapping[str, str], _now: datetime) -> _Date:
    """Return the day or month of a date in numbers; in 3/5/2019 the day comes first."""
    numbers = [int(part) for part in re.split(r"[-./]", parts["iso"])]
    if numbers[0] < 100:
        numbers.reverse()
    return _Date([day_span(*numbers[:3]) if len(numbers) == 3 else month_span(*numbers[:2])])


def _of_year(parts: Mapping[str, str], now: datetime) -> _Date | None:
    """Return a season or a holiday of a year; None if another period than a year follows it."""
    if "year" in parts:
        year = int(parts["year"])
    else:
        named = {name.removeprefix("of_"): value for name, value in parts.items() if name.startswith("of_")}
        if UNIT_OF[named.get("unit") or named["unit_of_last"]] != "year":
            return None
        year = _relative(named, now).spans[0].start.year
    if "season" in parts:
        return _Date(season_spans(SEASONS[parts["season"]], year))
    return _Date(holiday_spans(HOLIDAYS[parts["holiday"]], year))


_READERS: tuple[tuple[str, Callable[[Mapping[str, str], datetime], _Date | None]], ...] = (
    ("season", _of_year),
    ("holiday", _of_year),
    ("iso", _number),
    ("first", _years),
    ("decade", _decade),
    ("ago", _ago),
    ("recent", _recent),
    ("unit", _relative),
    ("unit_of_last", _relative),
)
"""Functions that read the named groups of a match, by the group that decides."""


def _introduction(tokens: Sequence[Token], start: int) -> tuple[int, Limit | None]:
    """Return the number of the first word that belongs to a date, and how the date limits."""
    text = line(tokens[max(0, start - 4) : start])
    match = _INTRODUCTION.search(text)
    if match is None or not match[0]:
        return start, None
    limit = next((name for name in ("before", "after", "since") if match[name]), None)
    return start - len(match[0].split()), limit  # type: ignore[return-value]


def _phrase(start: int, end: int, date: _Date, limit: Limit | None) -> Phrase:
    """Return the phrase of a date with its filter."""
    first, last = date.spans[0], date.spans[-1]
    name = date.name or spans_name(date.spans)
    if limit == "before":
        return Phrase(start, end, Filter.taken(before=first.start), f"taken before {name}")
    if limit == "after":
        return Phrase(start, end, Filter.taken(after=last.end), f"taken after {name}")
    if limit == "since":
        return Phrase(start, end, Filter.taken(after=first.start), f"taken since {name}")
    where = reduce(or_, (Filter.taken(on=span) for span in date.spans))
    return Phrase(start, end, where, f"taken {name}")
