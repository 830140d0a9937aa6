"""Full-text search over the names of items, the metadata of photos, and texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, TableClause, func, select

from indexer.catalog.backend import full_text
from indexer.catalog.dialect import Phrase
from indexer.catalog.schema import EMBEDDINGS, ITEM_WORDS, ITEMS, UNIT_WORDS, UNITS
from indexer.catalog.stop_words import STOP_WORDS, without_elision
from indexer.catalog.words import fold_words, is_unspaced
from indexer.types import Modality

MAX_WORDS = 64
"""Words of a query that are searched for; queries of people have fewer."""

_SHORTEST_NUMBER, _SHORTEST_BEGINNING = 3, 5
"""Letters that a part of a longer word has at least: one with digits, as in names that cameras give, and others."""


class WordMatch(NamedTuple):
    """A unit that contains words of the query.

    Attributes:
        embedding_id: The unit's embedding under the given encoder.
        bm25: The BM25 score, as SQLite's FTS5 defines it: lower is better.
    """

    embedding_id: int
    bm25: float


class WordCount(NamedTuple):
    """How often the library has a word.

    Attributes:
        names: Items with the word in their names.
        texts: Units with the word in their text or metadata.
        is_beginning: Whether no item has it as a whole word, and these have longer words that begin with it.
    """

    names: int
    texts: int
    is_beginning: bool = False

    @property
    def total(self) -> int:
        """Approximate number of units with the word: some have it twice."""
        return self.names + self.texts


def query_words(query: str) -> list[str]:
    """Return the distinct words of a query, ignoring case, at most `MAX_WORDS`.

    Stop words are left out, unless there are no others. A word is a run of Unicode letters, digits and marks, as the
    index splits text, or several of them joined by apostrophes, such as "don't". All other characters separate words,
    including SQLite's query operators.
    """
    words = _all_words(query)
    content_words = [word for key, word in words.items() if key not in STOP_WORDS]
    return (content_words or list(words.values()))[:MAX_WORDS]


def has_content_words(query: str) -> bool:
    """Return whether a query has other words than stop words."""
    return not _all_words(query).keys() <= STOP_WORDS


def _all_words(query: str) -> dict[str, str]:
    """Return the words of a query by what they are in lower case."""
    normalized = unicodedata.normalize("NFC", query).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    parts = "".join(letter if letter == "'" or _in_word(letter) else " " for letter in normalized).split()
    words: dict[str, str] = {}
    for word in (without_elision(part.strip("'")) for part in parts):
        if any(letter.isalnum() for letter in word):  # marks alone are not a word
            words.setdefault(word.casefold(), word)
    return words


def _in_word(letter: str) -> bool:
    """Return whether FTS5's tokenizer "unicode61" takes a character for part of a word."""
    return unicodedata.category(letter)[0] in "LNM"


def count_units(connection: Connection) -> int:
    """Return the number of units."""
    return connection.scalar(select(func.count()).select_from(UNITS)) or 0


def count_word(connection: Connection, word: str) -> WordCount:
    """Return how often the library has a word: as a whole word, or else at the beginning of longer ones."""
    names, texts = _in_names(word), Phrase(word)
    count = WordCount(_count(connection, ITEM_WORDS, names), _count(connection, UNIT_WORDS, texts))
    if count.total or not (_has_digit(word) or is_unspaced(word) or len(word) >= _SHORTEST_BEGINNING):
        return count
    if _has_digit(word) and len(word) < _SHORTEST_NUMBER:
        return count
    names, texts = (phrase._replace(is_beginning=True) for phrase in (names, texts))
    in_texts = 0 if word.isalpha() and not is_unspaced(word) else _count(connection, UNIT_WORDS, texts)
    return WordCount(_count(connection, ITEM_WORDS, names), in_texts, is_beginning=True)


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


def _count(connection: Connection, words: TableClause, phrase: Phrase) -> int:
    if not phrase.text:
        return 0
    is_match = full_text(connection).matches(words, [phrase])
    return connection.scalar(select(func.count()).select_from(words).where(is_match)) or 0


def _in_names(word: str, *, is_beginning: bool = False) -> Phrase:
    """Return what to look for in names, which are stored folded."""
    return Phrase(" ".join(fold_words(word)), is_beginning)


def search_text(
    connection: Connection,
    encoder_id: int,
    words: Sequence[str],
    *,
    beginnings: Sequence[str] = (),
    limit: int,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[WordMatch]:
    """Return the units whose text has any of the words, best BM25 first, ties by id.

    Args:
        connection: Open connection.
        encoder_id: The encoder whose embedding ids are returned.
        words: Words, as `query_words` returns them.
        beginnings: Words that may be the beginning of longer ones.
        limit: Largest number of results.
        conditions: SQL conditions on items and units that results must meet.
    """
    phrases = [*(Phrase(word) for word in words), *(Phrase(word, is_beginning=True) for word in beginnings)]
    if not phrases:
        return []
    search = full_text(connection)
    rank = search.rank(connection, phrases)
    on_unit = (EMBEDDINGS.c.unit_id == UNIT_WORDS.c.rowid) & (EMBEDDINGS.c.encoder_id == encoder_id)
    statement = select(EMBEDDINGS.c.id, rank.label("bm25")).join_from(UNIT_WORDS, EMBEDDINGS, on_unit)
    if conditions:
        statement = statement.join(UNITS, UNITS.c.id == UNIT_WORDS.c.rowid).join(ITEMS).where(*conditions)
    statement = statement.where(search.matches(UNIT_WORDS, phrases))
    rows = connection.execute(statement.order_by("bm25", EMBEDDINGS.c.id).limit(limit))
    return [WordMatch(*row) for row in rows]


def search_names(
    connection: Connection,
    encoder_id: int,
    word: str,
    *,
    is_beginning: bool = False,
    kind: Modality | None = None,
    limit: int,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[int]:
    """Return the embeddings of items with a word in their names, in the order of items; of each item the first unit.

    Args:
        connection: Open connection.
        encoder_id: The encoder whose embedding ids are returned.
        word: The word.
        is_beginning: Whether it is the beginning of longer words.
        kind: Only units of this kind; None takes all.
        limit: Largest number of results.
        conditions: SQL conditions on items and units that results must meet.
    """
    phrase = _in_names(word, is_beginning=is_beginning)
    statement: Select[tuple[int]] = (
        select(func.min(EMBEDDINGS.c.id))
        .join_from(ITEM_WORDS, UNITS, UNITS.c.item_id == ITEM_WORDS.c.rowid)
        .join(EMBEDDINGS, (EMBEDDINGS.c.unit_id == UNITS.c.id) & (EMBEDDINGS.c.encoder_id == encoder_id))
        .where(full_text(connection).matches(ITEM_WORDS, [phrase]))
        .group_by(ITEM_WORDS.c.rowid)
    )
    if kind is not None:
        statement = statement.where(UNITS.c.kind == kind)
    if conditions:
        statement = statement.join(ITEMS, ITEMS.c.id == ITEM_WORDS.c.rowid).where(*conditions)
    return list(connection.scalars(statement.order_by(ITEM_WORDS.c.rowid).limit(limit)))
