"""Full-text search in PostgreSQL, which finds the same as SQLite's FTS5, with the same scores.

A row has its words in the form of `tokens.stored_form`, in which a phrase is a part of the text. An index of the words
finds the rows that have all words of a phrase.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    TableClause,
    and_,
    bindparam,
    cast,
    delete,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from indexer.catalog.column_types import NUMBER, TEXT
from indexer.catalog.dialect import Phrase
from indexer.catalog.postgresql.copy import copy_rows
from indexer.catalog.postgresql.tokens import stored_form, tokens
from indexer.catalog.schema import UNITS

_PAGE = 5000
"""Items or units per statement."""

_K1, _B = 1.2, 0.75
"""Constants of BM25 in FTS5 (sqlite.org/fts5.html, section 5.1.1)."""

_LEAST_IDF = 1e-6
"""Weight of a phrase that half of the texts have, in FTS5."""

WORDS_INDEX = "array_to_tsvector(string_to_array(btrim({words}), '  '))"
"""The words of a row, as its table's index has them."""

_TABLES = MetaData()

_UNIT_WORDS = Table("unit_words", _TABLES, Column("rowid", NUMBER), Column("words", TEXT), Column("length", Integer))
_ITEM_WORDS = Table("item_words", _TABLES, Column("rowid", NUMBER), Column("words", TEXT))


class _Words(NamedTuple):
    """A phrase as words."""

    words: tuple[str, ...]
    is_beginning: bool

    @property
    def query(self) -> str:
        """The query that finds the rows with all of the words."""
        return "(" + " & ".join(f"'{word}'" for word in self.words) + (":*)" if self.is_beginning else ")")

    @property
    def part(self) -> str:
        """The part of the text that the rows with the phrase have."""
        form = stored_form(self.words)
        return form.removesuffix(" ") if self.is_beginning else form

    @property
    def overlaps(self) -> bool:
        """Whether it may begin again before it ends: "ha ha" is twice in "ha ha ha"."""
        *first, last = self.words
        return any(
            first[start:] == first[: len(first) - start]
            and (self.words[-1 - start].startswith(last) if self.is_beginning else self.words[-1 - start] == last)
            for start in range(1, len(self.words))
        )


def matches(words: TableClause, phrases: Sequence[Phrase]) -> ColumnElement[bool]:
    """Return the condition that a row of a full-text table has any of the phrases."""
    wanted = list(_in_words(phrases))
    if not wanted:
        return false()
    stored = _stored(words.name)
    index: ColumnElement[Any] = literal_column(WORDS_INDEX.format(words=f"{words.name}.words"))
    query = literal(" | ".join(phrase.query for phrase in wanted), TEXT)
    has_words = index.bool_op("@@")(cast(query, TSQUERY))
    if all(len(phrase.words) == 1 for phrase in wanted):
        return has_words
    return and_(has_words, or_(*(func.strpos(stored, phrase.part) > 0 for phrase in wanted)))


def rank(connection: Connection, phrases: Sequence[Phrase]) -> ColumnElement[float]:
    """Return the BM25 score of a row of `UNIT_WORDS` that has any of the phrases: lower is better."""
    rows, words = connection.execute(text("SELECT sum(units), sum(words) FROM word_totals")).one()
    score: ColumnElement[float] = literal(0.0, Double)
    if not rows or not words:
        return score
    mean = float(words) / float(rows)
    length = literal_column("unit_words.length", Double)
    for phrase in phrases:
        for wanted in _in_words([phrase]):
            of_phrase = matches(_UNIT_WORDS, [phrase])
            hits = connection.scalar(select(func.count()).select_from(_UNIT_WORDS).where(of_phrase)) or 0
            idf = max(math.log((int(rows) - hits + 0.5) / (hits + 0.5)), 0.0) or _LEAST_IDF
            times = _times(wanted)
            score = score + literal(idf, Double) * (
                times * (_K1 + 1.0) / (times + _K1 * (1 - _B + _B * length / literal(mean, Double)))
            )
    return -score


def _times(phrase: _Words) -> ColumnElement[float]:
    """Return how often a row of `UNIT_WORDS` has a phrase."""
    stored, part = _stored("unit_words"), literal(phrase.part, TEXT)
    if phrase.overlaps:
        begins = func.regexp_matches(stored, literal(f"(?={phrase.part})", TEXT), "g").table_valued("found")
        return cast(select(func.count()).select_from(begins).scalar_subquery(), Double)
    without = func.octet_length(func.replace(stored, part, ""), type_=Integer)
    return cast((func.octet_length(stored, type_=Integer) - without) // len(phrase.part.encode()), Double)


def _stored(table: str) -> ColumnElement[str]:
    return literal_column(f"{table}.words", TEXT)


def _in_words(phrases: Sequence[Phrase]) -> Iterator[_Words]:
    """Yield the phrases that have words."""
    for phrase in phrases:
        words = tokens(phrase.text)
        if words:
            yield _Words(tuple(words), phrase.is_beginning)


def write_item_words(connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Write the words of items, given by their ids, in place of those that they have."""
    _delete(connection, _ITEM_WORDS, [id_ for id_, _ in rows])
    copy_rows(connection, _ITEM_WORDS, ("rowid", "words"), [(id_, stored_form(tokens(words))) for id_, words in rows])


def add_unit_words(connection: Connection, rows: Sequence[tuple[int, str | None]]) -> None:
    """Write the words of new units, given by their ids."""
    words = [(id_, tokens(content)) for id_, content in rows if content is not None]
    if words:
        stored = [(id_, stored_form(of_unit), len(of_unit)) for id_, of_unit in words]
        copy_rows(connection, _UNIT_WORDS, ("rowid", "words", "length"), stored)
        finish_deletion(connection)


def renew_unit_words(connection: Connection, item_ids: Sequence[int]) -> None:
    """Write the words of all units of items, whose texts have changed."""
    for start in range(0, len(item_ids), _PAGE):
        of_items = UNITS.c.item_id.in_(item_ids[start : start + _PAGE])
        rows = [(row.id, row.text) for row in connection.execute(select(UNITS.c.id, UNITS.c.text).where(of_items))]
        _delete(connection, _UNIT_WORDS, [id_ for id_, _ in rows])
        add_unit_words(connection, rows)


def finish_deletion(connection: Connection) -> None:
    """Add up the totals of words, of which each change has left a row."""
    connection.execute(
        text("""
        WITH changes AS (DELETE FROM word_totals RETURNING units, words)
        INSERT INTO word_totals SELECT coalesce(sum(units), 0), coalesce(sum(words), 0) FROM changes
        """)
    )


def _delete(connection: Connection, table: Table, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _PAGE):
        page = table.c.rowid.in_(bindparam("page", ids[start : start + _PAGE], expanding=True))
        connection.execute(delete(table).where(page))
