"""Parses dates that name months, weekdays or days ("3 May 2023", "yesterday") with dateparser, and checks the result.

dateparser skips words and numbers that it does not need: "circa 1950" is 1950 for it and "May 32" is May 1932. Here a
text is refused if the date does not account for each of its words and numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from retrieval.query.folding import fold_text

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
"""Languages of dates in words; for an ambiguous date the first one counts. Each takes time to load."""

_TIME = re.compile(r"(?<!\w)\d\d?(?:(?:[:h]\d\d){1,2}(?:\.\d+)? ?(?:[ap]\.?m\.?)?| ?[ap]\.?m\.?)(?!\w)")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"(?<!\w)[^\W\d_]+")
_TOKEN = re.compile(
    r"(?<!\w)(?:\d{1,2}(?:st|nd|rd|th|er|eme|e|o|a|º|ª|°)?|\d{4}|[^\W\d_]+\.?)(?:'s|')?(?!(?<!')\w)|[.,/'-]+"
)
"""What a date consists of besides times: numbers, ordinal numbers, words and separators."""

_FILLER_WORDS = (
    "the of on in at ad and der die das den dem des am im vom von le la les l du de des en a au el los del al il lo "
    "gli i di della nel nell dell d het een van op o os as do da em no era "
    "year month jahr monat annee an mois ano mes anno mese jaar maand jahres"
)
_FILLERS = frozenset(_FILLER_WORDS.split())
"""Words that a date may have without changing it, without accents."""

_LAST_WORDS = (
    "last letzter letzten letzte dernier derniere pasado pasada scorso scorsa vorige afgelopen passado passada"
)
_LAST = frozenset(_LAST_WORDS.split())
"""Words that may change nothing, too: last Monday is Monday, in the past."""

_CENTURIES = re.compile(
    r"\b(?:century|centuries|jahrhundert\w*|siecles?|siglos?|secol[oi]|eeuw(?:en)?|seculos?|decades?|jahrzehnt\w*"
    r"|decennies?|decadas?|decenni\w*)\b"
)
"""Periods that dateparser takes for one year of them."""


_OTHER = timedelta(days=100, hours=7)
"""How long before now texts are read again, so that a word is not taken for a skipped one by coincidence."""


class Date(NamedTuple):
    """A date with the period that it stands for: "time", "day", "week", "month" or "year"."""

    value: datetime
    period: str


def parse_names(text: str, *, now: datetime) -> Date | None:
    """Return the date of a text; None if it is not one, or has a word or a number that is not part of the date."""
    plain = fold_text(text)
    rest = _TIME.sub(" ", plain)
    if _CENTURIES.search(plain) or not _has_only_tokens(rest) or not (_NUMBER.search(plain) or _has_name(plain)):
        return None
    date = _parse(text, now, "absolute-time")
    if date is not None and not _accounts_for_numbers(rest, date):
        return None
    if date is None and not _NUMBER.search(rest):
        date = _parse(text, now, "relative-time")
    if date is not None and date.period == "time" and rest != plain and _has_name(rest):
        day = _date(rest, now)
        date = date if day is not None and day.period == "day" else None  # not May 18:30
    if date is None or date.period not in ("time", "day", "week", "month", "year"):  # not for instance "part_of_day"
        return None
    return date if _needs_all_words(text, now) else None


def _has_only_tokens(text: str) -> bool:
    return not _TOKEN.sub("", text).strip() and not text.strip().startswith("-") and not text.rstrip().endswith("-")


def _has_name(text: str) -> bool:
    """Return whether a text has a word that is not a filler: a month, a weekday, yesterday."""
    return any(word not in _FILLERS for word in _WORD.findall(text))


def _accounts_for_numbers(text: str, date: Date) -> bool:
    """Return whether each number of a text is the day, the month or the year of its date."""
    numbers = _NUMBER.findall(text)
    has_name = _has_name(text)
    fields = Counter([date.value.year])
    if date.period in ("time", "day"):
        fields[date.value.day] += 1
    if not has_name:
        fields[date.value.month] += 1
        if len(numbers) == 1 and len(numbers[0]) < 4:
            return False  # 12
        if len(numbers) == 2 and date.period != "month" and any(len(number) == 4 for number in numbers):
            return False  # 2020/21
        if len(numbers) > 1 and _WORD.search(text):
            return False  # 2020 at 5
    if len(numbers) == (2 if has_name else 3):
        fields[date.value.year % 100] += 1
    return Counter(map(int, numbers)) <= fields


def _needs_all_words(text: str, now: datetime) -> bool:
    """Return whether each word of a text, except fillers, changes its date or is the date's weekday."""
    words = text.split()
    for position, word in enumerate(words if len(words) > 1 else []):
        name = fold_text(word).strip(".,'")
        if not name or _NUMBER.search(name) or name in _FILLERS | _LAST:
            continue
        remaining = " ".join(words[:position] + words[position + 1 :])
        dates = [(_date(text, base), _date(remaining, base), base) for base in (now, now - _OTHER)]
        if all(date == other and not _is_day(word, date, base) for date, other, base in dates):
            return False
    return True


def _is_day(word: str, date: Date | None, now: datetime) -> bool:
    """Return whether a word names the day of a date, or its weekday."""
    day = _date(word.strip(".,"), now)
    if day is None or day.period != "day" or date is None:
        return False
    return day.value.date() == date.value.date() or day.value.weekday() == date.value.weekday()


def _date(text: str, now: datetime) -> Date | None:
    return _parse(text, now, "absolute-time") or _parse(text, now, "relative-time")


def _parse(text: str, now: datetime, parser: str) -> Date | None:
    """Return the date of a text as dateparser reads it; a whole day, month or year has its first instant."""
    data = _parser(now, parser).get_date_data(text)
    if data.date_obj is None or data.period is None:
        return None
    start = data.date_obj
    if data.period != "time":
        start = datetime.combine(start, time())
    if data.period in ("month", "year"):
        start = start.replace(day=1, month=start.month if data.period == "month" else 1)
    return Date(start, data.period)


@lru_cache(maxsize=4)
def _parser(now: datetime, parser: str) -> DateDataParser:
    from dateparser.date import DateDataParser  # late: takes 150 ms

    return DateDataParser(
        languages=list(LANGUAGES),
        use_given_order=True,
        settings={
            "DATE_ORDER": "DMY",
            "PREFER_DATES_FROM": "past",
            "RELATIVE_BASE": now,
            "RETURN_TIME_AS_PERIOD": True,
            "PARSERS": [parser],
        },
    )
