"""Full-text search by SQLite's FTS5, whose triggers keep the words of units up to date."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, TableClause, func, insert

from indexer.catalog.dialect import Phrase
from indexer.catalog.schema import ITEM_WORDS, UNIT_WORDS


def matches(words: TableClause, phrases: Sequence[Phrase]) -> ColumnElement[bool]:
    """Return the condition that a row of a full-text table has any of the phrases."""
    query = " OR ".join(f'"{text}"{"*" if is_beginning else ""}' for text, is_beginning in phrases)
    return words.c[words.name].op("MATCH")(query)


def rank(_: Connection, __: Sequence[Phrase]) -> ColumnElement[float]:
    """Return the BM25 score of a row of `UNIT_WORDS` that has any of the phrases: lower is better."""
    return func.bm25(UNIT_WORDS.c.unit_words)


def write_item_words(connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Write the words of items, given by their ids, in place of those that they have."""
    if rows:
        values = [{"rowid": id_, "words": words} for id_, words in rows]
        connection.execute(insert(ITEM_WORDS).prefix_with("OR REPLACE"), values)


def add_unit_words(connection: Connection, rows: Sequence[tuple[int, str | None]]) -> None:
    """Do nothing: a trigger writes them."""


def renew_unit_words(connection: Connection, item_ids: Sequence[int]) -> None:
    """Do nothing: a trigger writes them."""


def finish_deletion(connection: Connection) -> None:
    """Do nothing: a trigger has deleted their words."""
