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
from indexer.types import Preprocess
from tests.support.catalog import save_items
from tests.support.vectors import HALVES


def save_texts(connection: Connection, source: Source, encoder: EncoderRecord, texts: Sequence[str | None]) -> None:
    """Save items /photos/0, /photos/1, … with these texts; in an empty catalog their embedding ids are 1, 2, …"""
    items = save_items(connection, source, *(f"/photos/{number}" for number in range(len(texts))))
    writes.add_embeddings(connection, items, encoder.id, HALVES[np.arange(len(texts)) % 16], texts=texts)


def search(connection: Connection, encoder: EncoderRecord, query: str, *, limit: int = 10) -> list[int]:
    """Return the embedding ids of the units that match."""
    return [match.embedding_id for match in fulltext.search_text(connection, encoder.id, query, limit=limit)]


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
    matches = fulltext.search_text(connection, encoder.id, "boat", limit=10)
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
        match[0] for match in fulltext.search_text(connection, encoder.id, "boat", limit=9, conditions=[second])
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


def test_matching_words_are_listed_per_unit_in_query_order(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    save_texts(connection, source, encoder, ["Sea and café", "the SEA", "nothing", None])
    assert fulltext.matching_words(connection, "cafe sea", [1, 2, 3, 4]) == {1: ("cafe", "sea"), 2: ("sea",)}
    assert fulltext.matching_words(connection, "cafe sea", [2]) == {2: ("sea",)}
    assert fulltext.matching_words(connection, "cafe sea", []) == {}


def test_a_library_has_text_while_one_of_its_units_has(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    assert not fulltext.has_text(connection)
    save_texts(connection, source, encoder, [None, None])
    assert not fulltext.has_text(connection)
    (item,) = save_items(connection, source, "/photos/x")
    writes.add_embeddings(connection, [item], encoder.id, HALVES[:1], texts=["a boat"])
    assert fulltext.has_text(connection)
    writes.delete_items(connection, [item])
    assert not fulltext.has_text(connection)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\"'*-+^(){}:, \0"), max_size=40))
def test_every_query_is_valid(connection: Connection, query: str) -> None:
    fulltext.search_text(connection, 1, query, limit=3)
    fulltext.matching_words(connection, query, [1])


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
        catalog.execute("SELECT count(*) FROM t WHERE t MATCH ?", (fulltext._match([word]),)).fetchone()
        for word in fulltext.query_words(text)
    ]
    catalog.close()
    assert all(match == (1,) for match in matches)


@pytest.mark.parametrize(
    ("query", "text", "share"),
    [
        ("a red dog", "The DOG is réd", 1.0),  # "a" is a stop word; case and accents are ignored
        ("red dog", "a dog", 0.5),
        ("red dog", "redo the dogs", 0.0),  # whole words only
        ("don't", "we don\N{RIGHT SINGLE QUOTATION MARK}t", 1.0),
        ("red", None, 0.0),
        ("?!", "?!", 0.0),
    ],
)
def test_word_coverage_is_the_share_of_query_words_in_a_text(query: str, text: str | None, share: float) -> None:
    assert fulltext.word_coverage(query, text) == share
