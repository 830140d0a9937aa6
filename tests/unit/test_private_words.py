"""Private words: which can be taught, and how they are found in texts."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.statements.private_words import WordRecord
from indexer.errors import FeedbackError
from retrieval.query.private_words import find_word, validate
from retrieval.query.word_matching import parse, word_key

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
    ("word", "text", "rest"),
    [
        ("O'Brien", "O\N{RIGHT SINGLE QUOTATION MARK}Brien on a bicycle", "on a bicycle"),
        ("L\N{RIGHT SINGLE QUOTATION MARK}Été", "l'été en mer", "en mer"),
        ("O'Brien", "O`Brien", ""),
        ("Jean-Luc", "jean\N{EN DASH}luc swims", "swims"),
        ("Jean\N{NON-BREAKING HYPHEN}Luc", "Jean-Luc swims", "swims"),
        ('"Ace" Smith', "\N{LEFT DOUBLE QUOTATION MARK}ace\N{RIGHT DOUBLE QUOTATION MARK} smith", ""),
        ("Biscuit", "\N{FULLWIDTH LATIN CAPITAL LETTER B}iscuit", ""),
        ("Biscuit", "Bis\N{SOFT HYPHEN}cuit", ""),
        ("Zoë Smith", "Zoe\u0308\N{NO-BREAK SPACE}Smith runs", "runs"),
        ("ビスケット", "ビスケットが寝ている", "が寝ている"),
        ("ビスケット", "私のﾋﾞｽｹｯﾄ", "私の"),
        ("小明", "小明的生日", "的生日"),
        ("小明", "我和小明在海边", "我和 在海边"),
        ("Biscuit", "Biscuitが寝ている", "が寝ている"),
        ("มะลิ", "แมวมะลินอน", "แมว นอน"),
        ("비스킷", "비스킷이 자고 있다", "이 자고 있다"),
    ],
)
def test_a_word_is_found_with_other_signs_and_in_scripts_without_blanks(word: str, text: str, rest: str) -> None:
    record = WordRecord(1, word, ADDED)
    assert parse(text, [record]) == ((record,), rest)
    assert parse(word, [record]) == ((record,), "")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("Ana", "Anabelle and Banana"),
        ("Ana", "Ana\u0301ï"),  # a mark makes another letter of the last one
        ("OBrien", "O'Brien"),
        ("มา", "มา\N{THAI CHARACTER MAI EK}"),  # another word, by its tone
        ("राम", "रामायण"),
        ("민수", "민수기"),  # goes on, and not with a particle
        ("민수", "김민수"),
    ],
)
def test_a_word_is_not_found_inside_another_word(word: str, text: str) -> None:
    assert parse(text, [WordRecord(1, word, ADDED)]) == ((), text)


@given(st.text(min_size=1, max_size=12), st.sampled_from(("", " on a sofa", "! ", " 小")))
def test_every_word_that_can_be_learnt_is_found_alone_and_before_other_words(word: str, rest: str) -> None:
    try:
        normal = validate(word)
    except FeedbackError:
        return
    record = WordRecord(1, normal, ADDED)
    assert parse(normal + rest, [record]).words == (record,)
    assert find_word([record], word) == record


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
        ("dog1.jpg", "is the name of a picture, so a query would not take it for a word; the word comes first"),
        ("photos/IMG 1.HEIC", "is the name of a picture"),
        ("https://x", "is an address"),
        ("HTTP://example.org/a b", "is an address"),
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
    assert find_word([WordRecord(9, "O\N{RIGHT SINGLE QUOTATION MARK}Brien", ADDED)], "o'brien")


def test_a_word_with_a_time_or_a_ratio_can_be_learnt() -> None:
    assert validate("16:9 club") == "16:9 club"


def test_a_word_that_an_older_version_learnt_is_found_to_be_forgotten() -> None:
    record = WordRecord(9, "dog1.jpg", ADDED)
    assert find_word([record], "dog1.jpg") == record
    assert word_key("dog1.jpg") == "dog1.jpg"
