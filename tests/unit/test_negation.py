"""Negations among the words of a query."""

from __future__ import annotations

import pytest

from retrieval.query.understanding.negation import descriptions, find_negation


@pytest.mark.parametrize(
    ("text", "words", "excluded"),
    [
        ("no dog", "", ["dog"]),
        ("not a dog", "", ["a dog"]),
        ("without people or dogs", "", ["people", "dogs"]),
        ("a beach without people", "a beach", ["people"]),
        ("a beach without people at sunset", "a beach at sunset", ["people"]),
        ("a street with no cars", "a street", ["cars"]),
        ("street, no cars", "street", ["cars"]),
        ("no people on the beach", "the beach", ["people"]),
        ("nobody on the beach", "the beach", ["people"]),
        ("no one at the table", "the table", ["people"]),
        ("no dogs in the picture", "", ["dogs"]),
        ("a dog but not a poodle", "a dog", ["a poodle"]),
        ("a dog, not a cat", "a dog", ["a cat"]),
        ("animals except dogs", "animals", ["dogs"]),
        ("a man not wearing a hat", "a man", ["a hat"]),
        ("a room without windows, doors or lamps", "a room", ["windows", "doors", "lamps"]),
        ("a kitchen without any people in it", "a kitchen", ["people"]),
        ("ein Strand ohne Menschen", "ein Strand", ["Menschen"]),
        ("ein Haus, aber kein Auto", "ein Haus", ["Auto"]),
        ("kein Hund", "", ["Hund"]),
        ("une plage sans personnes", "une plage", ["personnes"]),
        ("playa sin gente", "playa", ["gente"]),
        ("spiaggia senza persone", "spiaggia", ["persone"]),
    ],
)
def test_what_a_text_excludes_is_taken_out(text: str, words: str, excluded: list[str]) -> None:
    negation = find_negation(text)
    assert negation is not None
    assert (negation.words, list(negation.excluded)) == (words, excluded)


@pytest.mark.parametrize(
    "text",
    [
        "a dog",
        "no smoking sign",
        "no parking",
        "do not enter",
        "not far from the sea",
        "no 5",
        "this is not a pipe",
        "without a doubt",
        "doctors without borders",
        "sin city",
        "dr no",
        "no",
        "no country for old men",
        "no man's land",
        'a wall with "no entry"',
    ],
)
def test_signs_and_idioms_exclude_nothing(text: str) -> None:
    assert find_negation(text) is None


def test_people_are_described_by_what_they_look_like() -> None:
    assert descriptions("people") == ("people", "a man", "a woman", "a child", "a group of people")
    assert descriptions("dogs") == ("dogs",)
