"""A catalog on a PostgreSQL server gives the same answers as one in a file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, bindparam, func, select

from indexer.catalog.column_types import TEXT, from_half_vector, to_half_vector
from indexer.catalog.postgresql.tokens import tokens
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import encoders, fulltext, items, sources, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.text_key import text_key
from indexer.types import Preprocess
from tests.support.catalog import add_source, item_row
from tests.support.vectors import HALVES

WORDS = ("cat", "Cats", "don't", "caf\u00e9", "cafe", "ha", "haha", "\u0926\u0932\u094d\u0932", "2041", "IMG_2041", "a")

any_text = st.text(st.characters(codec="utf-8"), max_size=30)
of_words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def folder(folder_engine: Engine) -> Iterator[Connection]:
    """Return a catalog in a file."""
    with folder_engine.begin() as connection:
        yield connection


@pytest.fixture(scope="module")
def server(server_engine: Engine) -> Iterator[Connection]:
    """Return a catalog on a server."""
    with server_engine.begin() as connection:
        yield connection


def fill(connection: Connection, texts: list[str | None]) -> EncoderRecord:
    """Let a catalog have items with these texts and no others."""
    encoder = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    source = next(iter(sources.sources(connection)), None) or add_source(connection, "/photos")
    writes.delete_items(connection, list(connection.scalars(select(ITEMS.c.id))))
    saved = writes.save_items(connection, [item_row(source, f"/photos/{number}") for number in range(len(texts))])
    writes.add_embeddings(connection, saved, encoder.id, HALVES[np.arange(len(texts)) % 16], texts=texts)
    return encoder


def found(connection: Connection, encoder: EncoderRecord, words: list[str], beginnings: list[str]) -> dict[str, float]:
    """Return the scores of the items that are found, by path."""
    matches = fulltext.search_text(connection, encoder.id, words, beginnings=beginnings, limit=100)
    details = items.item_details(connection, [match.embedding_id for match in matches])
    return {details[match.embedding_id].path: match.bm25 for match in matches}


@given(any_text)
@settings(max_examples=300)
@example("Stra\u00dfe \u0130stanbul \u1e9e \u0301a \u0926\u093f\u0932\u094d\u0932\u0940 don't \uff21\uff11 \u00b2 x\0y")
def test_the_words_of_a_text_are_those_of_fts5(value: str) -> None:
    catalog = sqlite3.connect(":memory:")
    catalog.execute('CREATE VIRTUAL TABLE t USING fts5(x, tokenize="unicode61 remove_diacritics 2")')
    catalog.execute("CREATE VIRTUAL TABLE words USING fts5vocab(t, 'instance')")
    catalog.execute("INSERT INTO t VALUES (?)", (value,))
    expected = [word for (word,) in catalog.execute("SELECT term FROM words ORDER BY offset")]
    catalog.close()
    assert tokens(value) == expected


@given(st.lists(st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_a_vector_comes_back_from_its_binary_form_bit_for_bit(numbers: list[float]) -> None:
    stored = np.array(numbers, dtype="<f2").tobytes()
    assert from_half_vector(to_half_vector(stored)) == stored


@pytest.mark.cluster
@given(any_text)
@settings(max_examples=300)
@example("Stra\u00dfe \u0130I\u0131 \u1e9e \ufb03 e\u0301 \u00c5\u212b \u0390")
def test_the_server_has_the_same_text_keys(server: Connection, value: str) -> None:
    value = value.replace("\0", "")
    assert server.scalar(select(func.text_key(bindparam("value", value, TEXT)))) == text_key(value)


@pytest.mark.cluster
@given(
    st.lists(st.none() | of_words | any_text, min_size=1, max_size=12),
    st.lists(st.sampled_from(WORDS) | any_text.filter(bool), min_size=1, max_size=3),
    st.lists(st.sampled_from(["ca", "ha ha", "don't", "20", "\u0926\u0932"]), max_size=2),
)
@settings(max_examples=100)
def test_the_same_words_find_the_same_texts_with_the_same_scores(
    folder: Connection, server: Connection, texts: list[str | None], query: list[str], beginnings: list[str]
) -> None:
    words = fulltext.query_words(" ".join(query))
    results = []
    for connection in (folder, server):
        encoder = fill(connection, texts)
        results.append(found(connection, encoder, words, beginnings))
        assert [fulltext.count_word(connection, word) for word in words] == [
            fulltext.count_word(folder, word) for word in words
        ]
    assert results[1] == pytest.approx(results[0], rel=1e-9, abs=1e-12)


@pytest.mark.cluster
@given(st.lists(st.sampled_from(["ha", "haha", "hat"]), max_size=8).map(" ".join))
def test_phrases_that_overlap_are_counted_like_in_fts5(folder: Connection, server: Connection, value: str) -> None:
    scores = []
    for connection in (folder, server):
        encoder = fill(connection, [value, "ha", "x y z", "x"])
        scores.append(found(connection, encoder, ["ha'ha"], ["ha'ha"]))
    assert scores[1] == pytest.approx(scores[0], rel=1e-9, abs=1e-12)
