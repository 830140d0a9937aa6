"""Private words: which can be taught, and how they are found in texts."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.catalog.statements.private_words import WordRecord
from indexer.errors import FeedbackError
from retrieval.query.private_words import find_word, parse, validate

ADDED = datetime(2026, 1, 1)  # noqa: DTZ001 - as the catalog stores it
WORDS = [WordRecord(id_, word, ADDED) for id_, word in enumerate(("Emma", "Aunt Emma", "Biscuit", "Zoë", "C++"), 1)]


@pytest.mark.parametrize(
    ("text", "words", "rest", "share"),
    [
        ("Biscuit asleep on the sofa", ["Biscuit"], "asleep on the sofa", 0.5),
        ("a photo of BISCUIT's bowl", ["Biscuit"], "a photo of 's bowl", 0.5),
        ("biscuit", ["Biscuit"], "", 1.0),
        ("biscuit!", ["Biscuit"], "", 1.0),  # nothing but punctuation is left
        ("two Biscuits on a plate", [], "two Biscuits on a plate", 0.0),  # a different word
        ("aunt  emma and Biscuit", ["Aunt Emma", "Biscuit"], "and", 0.5),  # the longest match, across two spaces
        ("Emma, Aunt Emma", ["Emma", "Aunt Emma"], "", 1.0),
        ("ZOE\u0308 swims", ["Zoë"], "swims", 0.5),  # written as two characters, in capitals
        ("a book about C++ in shops", ["C++"], "a book about in shops", 0.5),  # its signs are not a pattern
    ],
)
def test_private_words_are_found_whole_in_any_case_longest_first(
    text: str, words: list[str], rest: str, share: float
) -> None:
    found = parse(text, WORDS)
    assert ([record.word for record in found.words], found.rest, found.photo_share) == (words, rest, share)


def test_a_text_without_private_words_does_not_change() -> None:
    assert parse("a  dog", WORDS) == ((), "a  dog")
    assert parse("Biscuit", []) == ((), "Biscuit")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (" \n", "is blank"),
        ("x" * 101, "has 101 characters; expected at most 100"),
        ("?!", "no letter or digit"),
        ("+", "no letter or digit"),
        ("1: dog", "means something else in a query"),
        (".5:dog", "means something else in a query"),
        ("salt + pepper", "means something else in a query"),
        ("clipboard:", "means something else in a query"),
        ("a\x1b[2Jb", "invisible characters"),
    ],
)
def test_a_word_that_no_query_could_contain_is_an_error(word: str, reason: str) -> None:
    with pytest.raises(FeedbackError, match=reason):
        validate(word)


def test_a_word_is_found_in_any_case_and_with_any_spaces() -> None:
    assert validate("  Aunt \t Emma ") == "Aunt Emma"
    assert find_word(WORDS, "aUNT  eMMA") == WORDS[1]
    assert find_word(WORDS, "ZOË") == WORDS[3]  # SQLite knows the case of ASCII letters only
    assert find_word(WORDS, "Aunt") is None
