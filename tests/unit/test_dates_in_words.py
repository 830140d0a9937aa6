"""Dates among the words of a query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from retrieval.query.understanding.dates import bare_dates, dates_after_words, full_dates
from retrieval.query.understanding.tokens import Marks, Phrase, split

NOW = datetime.fromisoformat("2026-11-28T12:00")  # a Saturday
YEARS = range(2017, 2019)


def understand(text: str) -> tuple[str, list[str]]:
    """Return the other words of a text, and the names of the dates in it."""
    tokens = split(text)
    marks = Marks(tokens)
    names = []
    finders: tuple[Callable[[], Iterator[Phrase]], ...] = (
        lambda: full_dates(tokens, now=NOW, years=lambda: YEARS),
        lambda: dates_after_words(tokens, marks, now=NOW, years=lambda: YEARS),
        lambda: bare_dates(tokens, marks, now=NOW, years=lambda: YEARS),
    )
    for find in finders:
        for phrase in find():
            if marks.is_free(phrase.start, phrase.end):
                marks.add(phrase)
                names.append(phrase.name)
    return marks.rest(), names


@pytest.mark.parametrize(
    ("text", "rest", "name"),
    [
        ("a beach 2019", "a beach", "taken 2019"),
        ("a beach, 2019", "a beach", "taken 2019"),
        ("beach in 2019", "beach", "taken 2019"),
        ("a wedding in the year 2019", "a wedding", "taken 2019"),
        ("2019", "", "taken 2019"),
        ("dogs in May 2018", "dogs", "taken May 2018"),
        ("Hunde im Mai 2018", "Hunde", "taken May 2018"),
        ("birthday on 3 May 2018", "birthday", "taken 2018-05-03"),
        ("May 3rd, 2018", "", "taken 2018-05-03"),
        ("fête le 3 mai 2018", "fête", "taken 2018-05-03"),
        ("2019-05-01", "", "taken 2019-05-01"),
        ("party 1.5.2019", "party", "taken 2019-05-01"),
        ("dogs in May", "dogs", "taken in any May"),
        ("beach summer 2019", "beach", "taken 2019-06-01 to 2019-09-22"),
        ("verano 2019", "", "taken 2019-06-01 to 2019-09-22"),
        ("Christmas last year", "", "taken 2025-12-24 to 2025-12-26"),
        ("Weihnachten letztes Jahr", "", "taken 2025-12-24 to 2025-12-26"),
        ("Easter 2018", "", "taken 2018-03-30 to 2018-04-02"),
        ("last summer in the garden", "in the garden", "taken 2026-06-01 to 2026-09-22"),
        ("l'été dernier", "", "taken 2026-06-01 to 2026-09-22"),
        ("a wedding yesterday", "a wedding", "taken 2026-11-27"),
        ("two weeks ago", "", "taken 2026-11-09 to 2026-11-15"),
        ("dogs last month", "dogs", "taken October 2026"),
        ("photos before 2015", "photos", "taken before 2015"),
        ("snow since May 2018", "snow", "taken since May 2018"),
        ("after 2015", "", "taken after 2015"),
        ("cars from the 1950s", "cars", "taken 1950 to 1959"),
        ("boats between 2015 and 2018", "boats", "taken 2015 to 2018"),
        ("boats 2015-2018", "boats", "taken 2015 to 2018"),
    ],
)
def test_a_date_among_the_words_is_taken_out(text: str, rest: str, name: str) -> None:
    assert understand(text) == (rest, [name])


@pytest.mark.parametrize(
    "text",
    [
        "2001: A Space Odyssey",
        "1984 poster",
        "a 1950s car",
        "a man in 1920s clothing",
        "bmw 2002",
        "room 1999",
        "class of 2030",
        "blade runner 2049",
        'a "beach 2019"',
        "2019-13-45",
        "may the force be with you",
        "a march through the city",
        "a fall from a horse",
        "summer dress",
        "Christmas tree",
        "number 2019",
    ],
)
def test_a_number_or_a_month_that_is_no_date_stays_a_word(text: str) -> None:
    assert understand(text) == (text, [])
