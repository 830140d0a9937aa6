"""Full-text search over the metadata of photos, and over texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNIT_WORDS, UNITS

MAX_WORDS = 64
"""Words of a query that are searched for; queries of people have fewer."""


_STOP_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "he", "her", "his", "in", "is", "it", "its",
     "of", "on", "or", "she", "that", "the", "their", "they", "this", "to", "was", "were", "while", "with")
)  # fmt: skip
"""Common English words. BM25 gives them almost no weight, but ranking 100,000 captions for having an "a" takes 87 ms,
while searching them for "dog beach" takes 24."""


class WordMatch(NamedTuple):
    """A unit that contains words of the query.

    Attributes:
        embedding_id: The unit's embedding under the given encoder.
        bm25: SQLite's BM25 score: lower is better.
    """

    embedding_id: int
    bm25: float


def has_text(connection: Connection) -> bool:
    """Return whether the library has any text: a caption, a tag, a document."""
    return bool(connection.scalar(text("SELECT EXISTS (SELECT 1 FROM unit_words_docsize)")))


def query_words(query: str) -> list[str]:
    """Return the distinct words of a query, ignoring case, at most `MAX_WORDS`.

    Stop words are left out, unless there are no others. A word is a run of Unicode letters, digits and marks, as the
    index splits text, or several of them joined by apostrophes, such as "don't". All other characters separate words,
    including SQLite's query operators.
    """
    normalized = unicodedata.normalize("NFC", query).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    parts = "".join(letter if letter == "'" or _in_word(letter) else " " for letter in normalized).split()
    words: dict[str, str] = {}
    for word in (part.strip("'") for part in parts):
        if any(letter.isalnum() for letter in word):  # marks alone are not a word
            words.setdefault(word.casefold(), word)
    content_words = [word for key, word in words.items() if key not in _STOP_WORDS]
    return (content_words or list(words.values()))[:MAX_WORDS]


def word_coverage(query: str, text: str | None) -> float:
    """Return the share of a query's words in a text, 0 to 1, ignoring case and accents as the index does."""
    words = {part for word in query_words(query) for part in _fold_words(word)}
    return len(words & set(_fold_words(text or ""))) / len(words) if words else 0.0


def _fold_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    letters = (letter if _in_word(letter) else " " for letter in decomposed if not unicodedata.combining(letter))
    return "".join(letters).split()


def _in_word(letter: str) -> bool:
    """Return whether FTS5's tokenizer "unicode61" takes a character for part of a word."""
    return unicodedata.category(letter)[0] in "LNM"


def _match(words: Sequence[str]) -> str:
    """Return an FTS5 query for any of the words, each in quotes."""
    return " OR ".join(f'"{word}"' for word in words)


def search_text(
    connection: Connection,
    encoder_id: int,
    query: str,
    *,
    limit: int,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[WordMatch]:
    """Return the units with any of a query's words, best BM25 first, ties by id.

    Args:
        connection: Open connection.
        encoder_id: The encoder whose embedding ids are returned.
        query: Plain text; only its words matter.
        limit: Largest number of results.
        conditions: SQL conditions on items and units that results must meet.
    """
    words = query_words(query)
    if not words:
        return []
    rank = func.bm25(UNIT_WORDS.c.unit_words)
    on_unit = (EMBEDDINGS.c.unit_id == UNIT_WORDS.c.rowid) & (EMBEDDINGS.c.encoder_id == encoder_id)
    statement = select(EMBEDDINGS.c.id, rank.label("bm25")).join_from(UNIT_WORDS, EMBEDDINGS, on_unit)
    if conditions:
        statement = statement.join(UNITS, UNITS.c.id == UNIT_WORDS.c.rowid).join(ITEMS).where(*conditions)
    statement = statement.where(UNIT_WORDS.c.unit_words.op("MATCH")(_match(words)))
    rows = connection.execute(statement.order_by("bm25", EMBEDDINGS.c.id).limit(limit))
    return [WordMatch(*row) for row in rows]


def matching_words(connection: Connection, query: str, unit_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the query's words that each unit contains, in query order, by unit id; leaves out units without any."""
    has_word = UNIT_WORDS.c.unit_words.op("MATCH")(bindparam("word"))
    statement = select(UNIT_WORDS.c.rowid).where(has_word, UNIT_WORDS.c.rowid.in_(unit_ids))
    words: dict[int, tuple[str, ...]] = {}
    for word in query_words(query):
        for unit_id in connection.scalars(statement, {"word": _match([word])}):
            words[unit_id] = (*words.get(unit_id, ()), word)
    return words
