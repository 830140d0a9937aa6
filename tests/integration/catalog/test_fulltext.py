"""Full-text search: a query is a list of words without operators."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import encoders, fulltext, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.types import Modality, Preprocess
from tests.support.catalog import save_items
from tests.support.vectors import HALVES


def save_texts(connection: Connection, source: Source, encoder: EncoderRecord, texts: Sequence[str | None]) -> None:
    """Save items /photos/0, /photos/1, … with these texts; in an empty catalog their embedding ids are 1, 2, …"""
    items = save_items(connection, source, *(f"/photos/{number}" for number in range(len(texts))))
    writes.add_embeddings(connection, items, encoder.id, HALVES[np.arange(len(texts)) % 16], texts=texts)


def search(connection: Connection, encoder: EncoderRecord, query: str, *, limit: int = 10) -> list[int]:
    """Return the embedding ids of the units that match."""
    words = fulltext.query_words(query)
    return [match.embedding_id for match in fulltext.search_text(connection, encoder.id, words, limit=limit)]


def test_units_with_any_of_the_words_are_found_best_first(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    texts = ["a red boat at sea", "a boat", None, "a house", "red boat boat boat", "a tree", "a hill", "a road"]
    save_texts(connection, source, encoder, texts)
    assert set(search(connection, encoder, "Red BOAT")) == {1, 2, 5}
    assert search(connection, encoder, "Red BOAT")[-1] == 2  # has only one of the words
    assert search(connection, encoder, "red boat", limit=1) == [5]
    assert search(connection, encoder, "submarine") == []


def test_equal_scores_are_ordered_by_id(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    save_texts(connection, source, encoder, ["a boat"] * 5)
    assert search(connection, encoder, "boat") == [1, 2, 3, 4, 5]


def test_a_lower_bm25_is_a_better_match(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    save_texts(connection, source, encoder, ["boat", "a boat on the sea in the sun", "x", "y", "z"])
    matches = fulltext.search_text(connection, encoder.id, ["boat"], limit=10)
    assert [match.embedding_id for match in matches] == [1, 2]  # the shorter of two texts with the word
    assert matches[0].bm25 < matches[1].bm25 < 0


def test_only_embeddings_of_the_given_encoder_are_returned(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    save_texts(connection, source, encoder, ["a boat"])
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    assert search(connection, other, "boat") == []


def test_results_meet_the_conditions_on_items(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    save_texts(connection, source, encoder, ["a boat"] * 4)
    second = ITEMS.c.path == "/photos/1"
    assert [
        match[0] for match in fulltext.search_text(connection, encoder.id, ["boat"], limit=9, conditions=[second])
    ] == [2]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cafe", "Café"),  # accents are ignored
        ("CAFÉ", "cafe"),
        ("cafe\u0301", "café"),  # a combining mark
        ("don't", "I don't know"),
        ("don\u2019t", "don't"),
        ("дом", "большой Дом"),
        ("दिल्ली", "नई दिल्ली"),  # vowel signs are marks, not letters
        ("2024", "summer 2024"),
        ("dog,cat", "my cat"),
        ("sea-side", "the side"),
    ],
)
def test_spelling_variants_of_a_word_match(
    connection: Connection, source: Source, encoder: EncoderRecord, query: str, text: str
) -> None:
    save_texts(connection, source, encoder, [text, "something else"])
    assert search(connection, encoder, query) == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cat AND dog", [1, 2]),  # "and" is a plain word, and a stop word
        ("cat NOT dog", [1, 2]),
        ("NEAR(cat dog)", [1, 2]),
        ("text:cat", [1]),
        ("cat*", [1]),
        ("ca*", []),
        ("^cat", [1]),
        ("cat -dog", [1, 2]),
        ('"cat', [1]),
        ("cat's", []),
        ("'cat'", [1]),
        ("{text}: cat", [1]),
        ("cat + dog", [1, 2]),
        ('"', []),
        ("* - ( ) '' : ^", []),
        ("", []),
        ("\0cat\0dog", [1, 2]),
    ],
)
def test_queries_have_no_operators(
    connection: Connection, source: Source, encoder: EncoderRecord, query: str, expected: list[int]
) -> None:
    save_texts(connection, source, encoder, ["the cat", "the dog", "this and that"])
    assert sorted(search(connection, encoder, query)) == expected


def test_query_words_are_distinct_and_at_most_64() -> None:
    assert fulltext.query_words("Red dog, a Dog and DON'T don't 'quoted'") == ["Red", "dog", "DON'T", "quoted"]
    assert len(fulltext.query_words(" ".join(map(str, range(1000))))) == 64


def test_stop_words_are_searched_only_if_there_are_no_others(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    save_texts(connection, source, encoder, ["to be or not", "the dog"])
    assert search(connection, encoder, "the dog or a cat") == [2]
    assert search(connection, encoder, "To be") == [1]


def test_stop_words_of_other_languages_are_left_out() -> None:
    assert fulltext.query_words("der Hund auf dem Sofa") == ["Hund", "Sofa"]
    assert fulltext.query_words("la maison de la m\u00e8re dans la for\u00eat") == ["maison", "m\u00e8re", "for\u00eat"]
    assert fulltext.query_words("l\u2019\u00e9t\u00e9 dell'anno") == ["\u00e9t\u00e9", "anno"]
    assert fulltext.query_words("los perros en el campo") == ["perros", "campo"]
    assert fulltext.query_words("de kat op het dak") == ["kat", "dak"]
    assert fulltext.query_words("um barco no rio") == ["barco", "rio"]
    assert fulltext.query_words("a red car, a hat and a war") == ["red", "car", "hat", "war"]  # words of others, too
    assert (fulltext.has_content_words("der Hund"), fulltext.has_content_words("auf dem")) == (True, False)


def test_a_word_is_counted_in_names_and_texts(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    items = save_items(connection, source, "/photos/Rome/PANA3020.jpg", "/photos/Rome/b.jpg", "/photos/weddings.jpg")
    writes.add_embeddings(connection, items, encoder.id, HALVES[:3], texts=["a day in Rome", None, "PANA3020"])
    counts = {word: fulltext.count_word(connection, word) for word in ("rome", "3020", "PANA30", "wedding", "wed", "b")}
    assert counts == {
        "rome": (2, 1, False),
        "3020": (1, 0, False),
        "PANA30": (1, 1, True),  # no word, but the beginning of one
        "wedding": (1, 0, True),
        "wed": (0, 0, False),  # too short
        "b": (1, 0, False),
    }


def test_items_with_a_word_in_their_names_are_found_with_their_first_unit(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    first, second = save_items(connection, source, "/photos/Stra\u00dfe/a.txt", "/photos/b2041.jpg")
    writes.add_embeddings(connection, [first, first, second], encoder.id, HALVES[:3], kind=Modality.TEXT)
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    assert fulltext.search_names(connection, encoder.id, "STRASSE", limit=9) == [1]
    assert fulltext.search_names(connection, encoder.id, "b20", is_beginning=True, limit=9) == [3]
    assert fulltext.search_names(connection, encoder.id, "b20", limit=9) == []
    assert fulltext.search_names(connection, encoder.id, "photos", limit=9) == []  # the source itself
    assert fulltext.search_names(connection, encoder.id, "2041", kind=Modality.PHOTO, limit=9) == []
    assert fulltext.search_names(connection, encoder.id, "2041", limit=9, conditions=[ITEMS.c.id == first]) == []
    assert fulltext.search_names(connection, other.id, "2041", limit=9) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\"'*-+^(){}:, \0"), max_size=40))
def test_every_query_is_valid(connection: Connection, query: str) -> None:
    words = fulltext.query_words(query)
    fulltext.search_text(connection, 1, words, beginnings=words, limit=3)
    for word in words:
        fulltext.count_word(connection, word)
        fulltext.search_names(connection, 1, word, is_beginning=True, limit=3)


# FTS5's tokenizer uses Unicode 6.1, in which Latin, its marks and Cyrillic are as they are today
stable_letters = st.characters(max_codepoint=0x36F) | st.characters(min_codepoint=0x400, max_codepoint=0x4FF)


@settings(deadline=None)
@given(st.text(stable_letters, max_size=30))
def test_every_text_with_a_word_matches_itself(text: str) -> None:
    text = unicodedata.normalize("NFC", text)  # as it is stored
    catalog = sqlite3.connect(":memory:")
    catalog.execute('CREATE VIRTUAL TABLE t USING fts5(text, tokenize="unicode61 remove_diacritics 2")')
    catalog.execute("INSERT INTO t VALUES (?)", (text,))
    matches = [
        catalog.execute("SELECT count(*) FROM t WHERE t MATCH ?", (f'"{word}"',)).fetchone()
        for word in fulltext.query_words(text)
    ]
    catalog.close()
    assert all(match == (1,) for match in matches)
