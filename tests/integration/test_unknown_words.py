"""Words that the encoder does not know are told from what no photo shows: in Python, and the installed program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.schemas import schemas, validator

KNOWN = ("a submarine", "zebras running", "a wedding", "people dancing", "an abacus", "the of", "2041", "sunglasses")

UNKNOWN = ("perro", "Hund", "plvorft", "狗", "\N{DOG FACE}", "elefant", "árboles")


@pytest.fixture
def library(photos: Path, tmp_path: Path) -> Iterator[Library]:
    (photos / "note.txt").write_text("Zwirbel lives at the harbour.")
    with Library.open(tmp_path / "photos.recall") as opened:
        opened.sync(photos)
        yield opened


def test_words_that_compact_was_trained_on_are_known(library: Library) -> None:
    assert {query: dict(library.search(query).unknown_words) for query in KNOWN} == {query: {} for query in KNOWN}


def test_foreign_invented_and_misspelled_words_are_unknown_and_have_suggestions(library: Library) -> None:
    found = {query: library.search(query).unknown_words for query in UNKNOWN}
    assert {query: list(words) for query, words in found.items()} == {query: [query] for query in UNKNOWN}
    assert found["perro"]["perro"] == ("dog",)
    assert found["\N{DOG FACE}"]["\N{DOG FACE}"] == ("dog",)
    assert found["elefant"]["elefant"][0] == "elephant"
    assert all(len(meant) <= 3 for words in found.values() for meant in words.values())


def test_words_in_texts_and_names_and_private_words_are_known(library: Library, photos: Path) -> None:
    assert not library.search("Zwirbel").unknown_words
    assert list(library.search("Zwarbel").unknown_words) == ["Zwarbel"]
    assert list(library.search("plvorft").unknown_words) == ["plvorft"]
    library.learn("plvorft", [photos / "chelsea.png"])
    assert not library.search("plvorft").unknown_words
    assert library.search("plvorfd").unknown_words["plvorfd"][0] == "plvorft"  # spelled like a private word


def test_hits_above_a_threshold_and_of_a_later_page_keep_the_unknown_words(library: Library) -> None:
    hits = library.search("a perro", k=3, offset=2, threshold=0.0)
    assert dict(hits.unknown_words) == dict(hits.above(1.0).unknown_words) == {"perro": ("dog",)}


def test_nothing_is_unknown_to_an_encoder_whose_words_nobody_has_listed(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "other.recall", encoder=FakeEncoder()) as library:
        library.sync(photos)
        assert not library.search("perro").unknown_words


@pytest.mark.parametrize(
    ("query", "nothing", "sentence"),
    [
        ("perro", "unknown word", "the encoder does not know the word 'perro'; did you mean 'dog'?"),
        ("a submarine", "nothing similar", "nothing matches; the best guess is "),
    ],
)
def test_the_program_says_why_it_shows_nothing(
    query: str, nothing: str, sentence: str, recall_program: Program, photos: Path
) -> None:
    recall_program("index", photos)
    run = recall_program("search", query)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
    assert run.stderr.startswith(f"recall: {sentence}")
    as_json = recall_program("search", query, "--json")
    reason = json.loads(as_json.stderr)
    assert (as_json.returncode, as_json.stdout, reason["nothing"]) == (1, "", nothing)
    assert f"recall: {reason['message']}\n" == run.stderr
    assert validator("search").evolve(schema=schemas()["search"]["$defs"]["nothing"]).is_valid(reason)


def test_the_program_notes_an_unknown_word_next_to_hits(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    run = recall_program("search", "a cat and a perro", "--all", "--paths", "-k", "2")
    assert (run.returncode, len(run.stdout.splitlines())) == (0, 2)
    assert run.stderr == "recall: the encoder does not know the word 'perro'; did you mean 'dog'?\n"
    reason = json.loads(recall_program("search", "a cat and a perro", "--all", "--json").stderr)
    assert (reason["nothing"], reason["best_guess"]) == (None, None)
    assert reason["unknown_words"] == [{"word": "perro", "suggestions": ["dog"]}]


def test_several_unknown_words_are_one_line_and_nothing_that_passes_a_filter_is_another_reason(
    recall_program: Program, photos: Path
) -> None:
    recall_program("index", photos)
    run = recall_program("search", "perro", "+", "plvorft", "--threshold", "1")
    assert run.stderr == "recall: the encoder does not know the words 'perro' ('dog'?) and 'plvorft'\n"
    empty = recall_program("search", "a cat", "--after", "2999", "--json")
    assert (empty.returncode, empty.stdout, json.loads(empty.stderr)["nothing"]) == (1, "", "no candidates")
