"""Full-text search over what is said about photos, and over texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNIT_WORDS, UNITS

MAX_WORDS = 64
"""Words of a query that are looked up; what a person asks has fewer."""


_STOP_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "he", "her", "his", "in", "is", "it", "its",
     "of", "on", "or", "she", "that", "the", "their", "they", "this", "to", "was", "were", "while", "with")
)  # fmt: skip
"""English words that nearly every sentence has. They decide nothing (BM25 gives them next to no weight), but to rank
100,000 captions because they have an "a" takes 87 ms; looking for "dog beach" in them takes 24."""


class WordMatch(NamedTuple):
    """A unit whose words match.

    Attributes:
        embedding_id: Its embedding under the encoder that was asked for.
        bm25: What SQLite gives: the lower, the better.
    """

    embedding_id: int
    bm25: float


def has_text(connection: Connection) -> bool:
    """Return whether the library has any text: a caption, a tag, a document; one look into the index."""
    return bool(connection.scalar(text("SELECT EXISTS (SELECT 1 FROM unit_words_docsize)")))


def query_words(query: str) -> list[str]:
    """Return the words of a text that a person wrote, each once whatever its capitals, at most 64.

    Words that stand everywhere are left out, unless there are no others.

    A word is what the index takes for one (letters, digits and their marks in Unicode), or several of them around an
    apostrophe, like "don't". All else, and so everything that is an operator in SQLite's language, divides words.
    """
    seen = unicodedata.normalize("NFC", query).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    parts = "".join(letter if letter == "'" or _in_word(letter) else " " for letter in seen).split()
    words: dict[str, str] = {}
    for word in (part.strip("'") for part in parts):
        if any(letter.isalnum() for letter in word):  # marks alone are none
            words.setdefault(word.casefold(), word)
    telling = [word for key, word in words.items() if key not in _STOP_WORDS]
    return (telling or list(words.values()))[:MAX_WORDS]


def word_coverage(query: str, text: str | None) -> float:
    """Return how much of a query's words a text has, 0 to 1, as the index compares them: without case and accents."""
    wanted = {part for word in query_words(query) for part in _folded(word)}
    return len(wanted & set(_folded(text or ""))) / len(wanted) if wanted else 0.0


def _folded(text: str) -> list[str]:
    """Return the words of a text, small and without accents."""
    apart = unicodedata.normalize("NFD", text.casefold())
    letters = (letter if _in_word(letter) else " " for letter in apart if not unicodedata.combining(letter))
    return "".join(letters).split()


def _in_word(letter: str) -> bool:
    """Return whether the index keeps a character: what FTS5's tokenizer "unicode61" takes for part of a word."""
    return unicodedata.category(letter)[0] in "LNM"


def _match(words: Sequence[str]) -> str:
    """Return the query in SQLite's language: any of the words, each a string between quotes."""
    return " OR ".join(f'"{word}"' for word in words)


def search_text(
    connection: Connection,
    encoder_id: int,
    query: str,
    *,
    limit: int,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[WordMatch]:
    """Return the units with any of a query's words, the best by BM25 first, equal ones by id.

    Args:
        connection: Open connection.
        encoder_id: The encoder whose embeddings are named.
        query: As a person writes it; nothing in it has a meaning but the words.
        limit: Results wanted.
        conditions: Which items may be returned, as SQL conditions on items and units.
    """
    words = query_words(query)
    if not words:
        return []
    rank = func.bm25(UNIT_WORDS.c.unit_words)
    mine = (EMBEDDINGS.c.unit_id == UNIT_WORDS.c.rowid) & (EMBEDDINGS.c.encoder_id == encoder_id)
    statement = select(EMBEDDINGS.c.id, rank.label("bm25")).join_from(UNIT_WORDS, EMBEDDINGS, mine)
    if conditions:
        statement = statement.join(UNITS, UNITS.c.id == UNIT_WORDS.c.rowid).join(ITEMS).where(*conditions)
    statement = statement.where(UNIT_WORDS.c.unit_words.op("MATCH")(_match(words)))
    rows = connection.execute(statement.order_by("bm25", EMBEDDINGS.c.id).limit(limit))
    return [WordMatch(*row) for row in rows]


def matching_words(connection: Connection, query: str, unit_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return which words of a query units have, in the query's order, by unit id; units without any are left out."""
    one = UNIT_WORDS.c.unit_words.op("MATCH")(bindparam("word"))
    statement = select(UNIT_WORDS.c.rowid).where(one, UNIT_WORDS.c.rowid.in_(unit_ids))
    found: dict[int, tuple[str, ...]] = {}
    for word in query_words(query):
        for unit_id in connection.scalars(statement, {"word": _match([word])}):
            found[unit_id] = (*found.get(unit_id, ()), word)
    return found
