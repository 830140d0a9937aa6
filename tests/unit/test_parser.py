"""The syntax of queries: what people type, and the parts that it means."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import QueryError
from retrieval.query.parser import keep_lone_number, parse_parts
from retrieval.query.part import Part


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ('"a dog"', [("a dog", 1)]),
        ("a dog on the beach", [("a dog on the beach", 1)]),  # as if it were quoted
        ('"a boat" + ./sunset.jpg - people', [("a boat", 1), ("./sunset.jpg", 1), ("people", -1)]),
        ('"2: red car" - truck', [("red car", 2), ("truck", -1)]),
        ("2: red car - truck", [("red car", 2), ("truck", -1)]),
        ("2:cat + .5:dog", [("cat", 2), ("dog", 0.5)]),
        ("cat - 1.5:./dog.jpg", [("cat", 1), ("./dog.jpg", -1.5)]),
        ('"1: 2: the sequel"', [("2: the sequel", 1)]),
        ("3:10 to Yuma", [("3:10 to Yuma", 1)]),  # a digit follows the colon: a time, a ratio
        ("16:9 landscape + 12:30", [("16:9 landscape", 1), ("12:30", 1)]),
        ("2: 16:9 television + cat", [("16:9 television", 2), ("cat", 1)]),
        ('"cat + dog"', [("cat + dog", 1)]),  # inside quotes a sign is a letter
        ("c++ code", [("c++ code", 1)]),
        ("- people", [("people", -1)]),  # the least similar to people
        ("+ people", [("people", 1)]),
        ("-", [("-", 1)]),  # standard input
        ("- + sunset", [("-", 1), ("sunset", 1)]),
        ("sunset + -", [("sunset", 1), ("-", 1)]),
        ("sunset - -", [("sunset", 1), ("-", -1)]),
        ("- - people", [("-", 1), ("people", -1)]),
        ("C:\\photos\\cat.jpg", [("C:photoscat.jpg", 1)]),  # shlex removes the backslashes; C: is not a weight
        ("https://example.org/a.jpg", [("https://example.org/a.jpg", 1)]),
        ("", []),
    ],
)
def test_words_are_parsed_into_parts(typed: str, parts: list[tuple[str, float]]) -> None:
    assert parse_parts(tuple(shlex.split(typed))) == [Part(*part) for part in parts]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("cat +", "nothing follows '\\+'; add words or a picture after it"),
        ("cat + + dog", "there is nothing between '\\+' and '\\+'"),
        ("0:cat", "the query part 'cat' has the weight 0; expected a number other than 0"),
        ("2:", "the query text is blank"),
        ('" "', "the query text is blank"),
        ('cat + ""', "the query text is blank"),
        ("+", "nothing follows '\\+'"),
        ("10000000: cat", "the query part 'cat' has the weight 1e\\+07"),
    ],
)
def test_a_wrong_query_is_an_error_of_one_line(typed: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse_parts(shlex.split(typed))


@pytest.mark.parametrize(
    ("typed", "text", "weight"),
    [
        ('"2001: A Space Odyssey"', "2001: A Space Odyssey", 1),
        ("2: red car", "2: red car", 1),
        ("2:red car", "2:red car", 1),
        ("- 2: red car", "2: red car", -1),
        ("1: 2: the sequel", "2: the sequel", 1),  # 1: keeps what follows
        ("red car", "red car", 1),
    ],
)
def test_the_number_of_a_lone_text_is_part_of_it_since_a_weight_means_nothing_there(
    typed: str, text: str, weight: float
) -> None:
    words = shlex.split(typed)
    assert keep_lone_number(parse_parts(words), words) == [Part(text, weight)]


def test_a_lone_picture_and_several_parts_keep_their_weights() -> None:
    assert keep_lone_number([Part(Path("a.jpg"), 2)], ["2:", "a.jpg"]) == [Part(Path("a.jpg"), 2)]
    words = ["2:", "car", "-", "truck"]
    assert keep_lone_number(parse_parts(words), words) == [Part("car", 2), Part("truck", -1)]
    assert keep_lone_number([Part("from standard input", 2)], ["2:-"]) == [Part("from standard input", 2)]


@given(st.lists(st.sampled_from(["+", "-", "cat", "2:dog", "a b", "", " ", "0:x"]), max_size=7))
def test_any_words_give_parts_or_a_query_error(words: list[str]) -> None:
    try:
        parts = parse_parts(words)
    except QueryError:
        return
    assert all(part.name.strip() and part.weight for part in parts)
    assert bool(parts) == bool(words)
