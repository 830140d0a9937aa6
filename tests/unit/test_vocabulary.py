"""The words of a query, the list of known words, nouns of other languages, and words that are spelled alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.query.vocabulary.noise import Noise, read_noise
from retrieval.query.vocabulary.nouns import NOUNS_FILE, english_of_inflected, english_words
from retrieval.query.vocabulary.spelling import similar_spellings
from retrieval.query.vocabulary.terms import query_terms
from retrieval.query.vocabulary.word_list import FOLDER, WordList


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a dog on the beach", ["dog", "on", "the", "beach"]),
        ("the dog's ball, don't!", ["the", "dog", "ball", "don"]),
        ("l\N{RIGHT SINGLE QUOTATION MARK}arbre", ["arbre"]),
        ("Dog DOG dog", ["Dog"]),
        ("IMG_2041 2019-05 photo.jpg user@example.org", []),
        ("a t-shirt, 3 dogs", ["shirt", "dogs"]),
        ("狗 \N{DOG FACE}\N{VARIATION SELECTOR-16} cafe\N{COMBINING ACUTE ACCENT}", ["狗", "\N{DOG FACE}", "café"]),
        ("... ??? 30°", []),
    ],
)
def test_a_text_has_words_and_emoji_but_names_and_numbers_are_none(text: str, terms: list[str]) -> None:
    assert query_terms(text) == terms


@pytest.mark.parametrize("word", ["dog", "Dogs", "boxes", "ponies", "wolves", "running", "baking", "bigger", "slowly"])
def test_inflections_of_a_known_word_are_known(word: str) -> None:
    assert WordList(b"\ndog\nbox\npony\nwolf\nrun\nbake\nbig\nslow\n").has(word)


@pytest.mark.parametrize("word", ["do", "dogging2", "og", "perros", "box\n", "bus"])
def test_other_words_are_not_known(word: str) -> None:
    assert not WordList(b"\ndog\nbox\nbu\n").has(word)


@pytest.mark.parametrize(
    ("word", "english"),
    [
        ("Hund", "dog"), ("chien", "dog"), ("perro", "dog"), ("cane", "dog"), ("cachorro", "dog"), ("hond", "dog"),
        ("Kirche", "church"), ("église", "church"), ("ÁRBOL", "tree"), ("albero", "tree"), ("praia", "beach"),
        ("fiets", "bicycle"), ("\N{DOG FACE}", "dog"),
    ],
)  # fmt: skip
def test_common_nouns_of_six_languages_and_emoji_have_an_english_word(word: str, english: str) -> None:
    assert english in english_words(word)


@pytest.mark.parametrize(("word", "english"), [("perros", "dog"), ("Katzen", "cat"), ("chevaux", "horse")])
def test_the_plural_of_a_noun_has_the_english_word_of_the_noun(word: str, english: str) -> None:
    assert english_words(word) == []
    assert english in english_of_inflected(word)


@pytest.mark.parametrize("word", ["blorft", "", "de", "\t", "perro\tes"])
def test_what_is_no_noun_has_no_english_word(word: str) -> None:
    assert english_words(word) == []


def test_the_files_are_small_sorted_and_have_a_thousand_nouns_of_each_language() -> None:
    lines = NOUNS_FILE.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines, key=lambda line: line.split("\t")[:2])
    counts = dict.fromkeys(("de", "fr", "es", "it", "pt", "nl", "emoji"), 0)
    for line in lines:
        counts[line.split("\t")[1]] += 1
    assert min(counts.values()) >= 1000
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.suffix != ".py") < 400_000


def test_words_that_are_spelled_alike_are_suggested_the_most_similar_first() -> None:
    words = ["dog", "elephant", "elegant", "mountain", "fountain"]
    assert similar_spellings("Elefant", words, count=3) == ["elegant", "elephant"]
    assert similar_spellings("mountin", words, count=3) == ["mountain"]
    assert similar_spellings("qzx", words, count=3) == []


def test_noise_is_written_and_read_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    file = tmp_path / "noise.json"
    noise = Noise(np.array([0.6, 0.8], dtype=np.float32), -0.25, 0.5)
    noise.write(file)
    read = read_noise(file, 2)
    assert read is not None
    assert (read.direction.tolist(), read.limit, read.lenient_limit) == (noise.direction.tolist(), -0.25, 0.5)
    assert [read.has(np.array([0, value], dtype=np.float32)) for value in (-1, 0, 1)] == [True, False, False]
    assert read.has(np.array([0, 0.5], dtype=np.float32), is_lenient=True)
    assert read_noise(file, 3) is None
    file.write_text('{"limit": null}')
    assert read_noise(file, 2) is None
    assert read_noise(tmp_path / "missing.json", 2) is None
