"""The words without which a query has no date, camera, place or negation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from datetime import datetime

import pytest

from retrieval.query.understanding import cameras, date_words, dates, negation, places, triggers
from retrieval.query.understanding.negation import find_negation
from retrieval.query.understanding.tokens import Marks, split

NOW = datetime.fromisoformat("2026-11-28T12:00")

TABLES: tuple[Iterable[object], ...] = (
    *(date_words.MONTHS, date_words.SEASONS, date_words.HOLIDAYS, date_words.UNIT_OF),
    *(date_words.TODAY, date_words.YESTERDAY, date_words.AFTER_DISTANCE, date_words.BEFORE_DISTANCE),
    *(triggers.MAKERS, triggers.PLACE_PREPOSITIONS, triggers.AFTER_PHOTOS),
    *(triggers.NO, triggers.NOT, triggers.WITHOUT, triggers.NOBODY),
)
PATTERNS = [value for module in (cameras, dates, negation) for value in vars(module).values()]
WORD_SETS = [value for module in (negation, places) for value in vars(module).values() if isinstance(value, frozenset)]


def all_words() -> list[str]:
    """Return the words of all tables and patterns, and some others."""
    flat = [one for value in PATTERNS for one in (value if isinstance(value, tuple) else (value,))]
    patterns = [one.pattern for one in flat if isinstance(one, re.Pattern)]
    from_patterns = {word for pattern in patterns for word in re.findall(r"[a-z']{2,}", pattern)}
    from_tables = {word for table in (*TABLES, *WORD_SETS) for name in table for word in str(name).split()}
    return sorted(from_patterns | from_tables | {"dog", "beach", "red", "derniere", "letztes", "dieses", "quest'anno"})


def test_a_text_without_a_trigger_has_nothing_that_is_understood() -> None:
    words = all_words()
    chance = random.Random(0)
    understood = 0
    for _ in range(5_000):
        text = " ".join(chance.choices(words, k=chance.randint(1, 5)))
        tokens = split(text)
        marks = Marks(tokens)
        may_have = triggers.triggers(tokens)
        found = {
            "dates": [
                *dates.full_dates(tokens, now=NOW, years=lambda: range(2017, 2019)),
                *dates.dates_after_words(tokens, marks, now=NOW, years=lambda: range(2017, 2019)),
                *dates.bare_dates(tokens, marks, now=NOW, years=lambda: range(2017, 2019)),
            ],
            "cameras": [token for token in tokens if cameras._is_camera_word(token)]
            or cameras._INTRODUCTION.search(" ".join(token.folded for token in tokens)),
            "places": [*places._after_words(tokens), *places._bare(tokens)],
            "negations": find_negation(text),
        }
        understood += sum(bool(value) for value in found.values())
        assert {name for name, value in found.items() if value} <= {
            name for name, may in may_have._asdict().items() if may
        }, text
    assert understood > 1000  # else the test would prove nothing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dogs playing", set()),
        ("schöne häuser", set()),
        ("Lisbon", {"places"}),
        ("dogs 2", {"dates", "cameras"}),
        ("l'année dernière", {"dates"}),
        ("strand ohne menschen", {"negations"}),
        ("sunset canon", {"cameras"}),
    ],
)
def test_a_number_a_capital_or_a_word_is_a_trigger(text: str, expected: set[str]) -> None:
    assert {name for name, may in triggers.triggers(split(text))._asdict().items() if may} == expected
