"""Parses phrases for dates that dateparser misreads or refuses: decades, quarters, and times ago in seven languages.

decade_or_quarter("the 90s", now=now)    1990 to 1999
parse_ago("2 weeks ago", now=now)        the day two weeks ago, and the week of that day
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, datetime, time, timedelta
from typing import NamedTuple

from indexer.catalog.filters.criteria import TimeSpan
from retrieval.query.folding import fold_text

_ARTICLE = r"(?:(?:the|die|den|der|les|los|las|gli|de|os) )?"
_DECADES = (
    re.compile(rf"{_ARTICLE}(\d\d|\d{{4}})'?s"),  # the 90s, 1990s, 1990's
    re.compile(rf"{_ARTICLE}(\d\d|\d{{4}})er(?: jahren?)?"),
    re.compile(rf"{_ARTICLE}(?:annees|anos|anni|jaren|decada de|decada de los|decada dos) '?(\d\d|\d{{4}})"),
)
"""Decades, in text as `fold_text` returns it."""

_QUARTER = (
    r"(?:[qt]([1-4])|([1-4])(?:st|nd|rd|th|er|eme|e|o|º|ª|°|\.)? ?(?:quarter|quartal|trimestre|kwartaal)"
    r"|(first|second|third|fourth) quarter)"
)
_QUARTERS = (
    re.compile(rf"(?P<year>\d{{4}})[ /-]*{_QUARTER}"),
    re.compile(rf"{_ARTICLE}{_QUARTER}(?:[ ,/-]+(?:(?:of|de|del|des|von|van|do|of the year) )?(?P<year>\d{{4}}))?"),
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_RELATIVE = re.compile(r"(?:the )?(last|previous|this|next) (decade|quarter)")
_STEPS = {"last": -1, "previous": -1, "this": 0, "next": 1}

_SHORT_YEAR = re.compile(r"(?<!\w)'(\d\d)(?!\w)(?!'?s)")
"""A year of two digits, as in May '23."""

_UNITS = {
    "year": "y yr yrs year years jahr jahre jahren an ans annee annees ano anos anno anni jaar jaren",
    "month": "mo mos month months monat monate monaten mois mes meses mese mesi maand maanden",
    "week": "w wk wks week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
    "day": "d day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
    "hour": "h hr hrs hour hours stunde stunden heure heures hora horas ora ore uur uren",
    "minute": "min mins minute minutes minuten minuto minutos minuti minuut",
    "second": "s sec secs second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi seconden",
    "decade": "decade decades jahrzehnt jahrzehnten decennie decennies decada decadas decennio decenni decennium "
    "decennia",
    "fortnight": "fortnight fortnights",
}
"""Units of time, in text as `fold_text` returns it, in the languages in which dates are read."""

_ONE = "a an one ein eine einem einer einen un une una uno een um uma"
_NUMBERS = (
    "two three four five six seven eight nine ten eleven twelve",
    "zwei drei vier funf sechs sieben acht neun zehn elf zwolf",
    "deux trois quatre cinq six sept huit neuf dix onze douze",
    "dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "due tre quattro cinque sei sette otto nove dieci undici dodici",
    "twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "dois tres quatro cinco seis sete oito nove dez onze doze",
)
"""Numbers from two on in English, German, French, Spanish, Italian, Dutch and Portuguese."""


def _by_word(groups: Mapping[str, str]) -> dict[str, str]:
    return {word: name for name, words in groups.items() for word in words.split()}


_UNIT_OF = _by_word(_UNITS)
_VALUE_OF = (
    {word: value for words in _NUMBERS for value, word in enumerate(words.split(), 2)}
    | {"duas": 2}
    | dict.fromkeys(_ONE.split(), 1)
)


def _alternatives(words: Mapping[str, object]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_AMOUNT = re.compile(rf"(?:(?:(\d{{1,5}}) ?|({_alternatives(_VALUE_OF)}) |un')({_alternatives(_UNIT_OF)}))")
_AND = r"(?: (?:and|und|et|y|e|en) |, | )"
_AGO = re.compile(r"(?:vor|il y a|hace|ha) (.+?)(?: atras)?|(.+) (?:ago|fa|geleden|atras)")
_AHEAD = re.compile(r"(?:in|dans|dentro de|tra|fra|over|em|daqui a) (.+)|(.+) from now")


class Distance(NamedTuple):
    """A date that a phrase gives by its distance from now.

    Attributes:
        start: The beginning of that day; the minute, if hours, minutes or seconds are given.
        unit: The smallest unit that is given: "year", "month", "week", "day" or "minute".
    """

    start: datetime
    unit: str


def spell_out_years(text: str, *, now: datetime) -> str:
    """Return text with the years of two digits after an apostrophe, as in May '23, in four digits."""
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{LEFT SINGLE QUOTATION MARK}", "'")
    return _SHORT_YEAR.sub(lambda match: str(_latest_year(int(match[1]), now)), plain)


def decade_or_quarter(text: str, *, now: datetime) -> TimeSpan | None:
    """Return the time span of a decade or a quarter; None for another text.

    The 20s are the last decade of this name that has begun, and Q3 without a year is the last one that has begun.

    Raises:
        ValueError: The text has this form, but there is no such decade.
    """
    folded = fold_text(text)
    if match := _RELATIVE.fullmatch(folded):
        step = _STEPS[match[1]]
        if match[2] == "decade":
            return _months(now.year // 10 * 10 + 10 * step, 1, 120)
        return _quarter(*divmod(now.year * 4 + (now.month - 1) // 3 + step, 4))
    for pattern in _DECADES:
        if match := pattern.fullmatch(folded.removeprefix("'")):
            return _decade(match[1], now)
    for pattern in _QUARTERS:
        if match := pattern.fullmatch(folded):
            *digits, word = match.groups()[1:] if pattern is _QUARTERS[0] else match.groups()[:3]
            number = next((int(digit) for digit in digits if digit), 0) or _ORDINALS[word]
            year = int(match["year"] or now.year)
            if match["year"] is None and 3 * number - 2 > now.month:
                year -= 1
            return _quarter(year, number - 1)
    return None


def parse_ago(text: str, *, now: datetime) -> Distance | None:
    """Return the date of a phrase such as "2 weeks ago", "vor einem Jahr" or "in 3 days"; None for another text.

    Raises:
        ValueError: There is no such date, because it is too far away.
    """
    folded = fold_text(text)
    for pattern, sign in ((_AGO, -1), (_AHEAD, 1)):
        match = pattern.fullmatch(folded)
        amounts = _amounts(next(filter(None, match.groups()), "")) if match else []
        if amounts:
            return _distance(now, [(sign * value, unit) for value, unit in amounts])
    return None


def months_later(day: datetime, months: int) -> datetime:
    """Return the same day of a later or earlier month, or the last one of a shorter month.

    Raises:
        ValueError: The year is out of range.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= MAXYEAR:
        raise ValueError(f"year {year} is out of range")
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


def _amounts(text: str) -> list[tuple[int, str]]:
    """Return the numbers and units of a text such as "1 year and 2 months"; [] if it has anything else."""
    if not re.fullmatch(rf"{_AMOUNT.pattern}(?:{_AND}{_AMOUNT.pattern})*", text):
        return []
    return [
        (int(digits) if digits else _VALUE_OF.get(word, 1), _UNIT_OF[unit])
        for digits, word, unit in _AMOUNT.findall(text)
    ]


def _distance(now: datetime, amounts: Sequence[tuple[int, str]]) -> Distance:
    units = {"fortnight": ("week", 2), "decade": ("year", 10)}
    plain = [(value * units[unit][1], units[unit][0]) if unit in units else (value, unit) for value, unit in amounts]
    totals = {unit: sum(value for value, name in plain if name == unit) for _, unit in plain}
    moment = months_later(now, 12 * totals.get("year", 0) + totals.get("month", 0))
    moment += timedelta(**{f"{unit}s": value for unit, value in totals.items() if unit not in ("year", "month")})
    for unit in ("second", "minute", "hour"):
        if unit in totals:
            return Distance(moment.replace(second=0, microsecond=0), "minute")
    smallest = next(unit for unit in ("day", "week", "month", "year") if unit in totals)
    return Distance(datetime.combine(moment, time()), smallest)


def _decade(digits: str, now: datetime) -> TimeSpan:
    year = int(digits) if len(digits) == 4 else _latest_year(int(digits), now)
    if year % 10:
        raise ValueError(f"no decade begins in {year}")
    if len(digits) == 4 and year % 100 == 0 and year < 2000:
        raise ValueError(f"{year}s may be a decade or a century")
    return _months(year, 1, 120)


def _latest_year(digits: int, now: datetime) -> int:
    """Return the last year that ends in two digits and has begun."""
    return now.year - (now.year - digits) % 100


def _quarter(year: int, index: int) -> TimeSpan:
    return _months(year, 3 * index + 1, 3)


def _months(year: int, month: int, count: int) -> TimeSpan:
    start = datetime(year, month, 1)  # noqa: DTZ001 - cameras record no time zone
    return TimeSpan(start, months_later(start, count))
