"""The modules of the package of a library's database: `sqlite` or `postgresql`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, TableClause, TextClause

from indexer.catalog.dialect import Phrase, is_postgresql
from indexer.catalog.sqlite import fulltext as sqlite_fulltext
from indexer.catalog.sqlite import sql as sqlite_sql


class FullText(Protocol):
    """The module `fulltext` of a package."""

    def matches(self, words: TableClause, phrases: Sequence[Phrase]) -> ColumnElement[bool]:
        """Return the condition that a row of a full-text table has any of the phrases."""

    def rank(self, connection: Connection, phrases: Sequence[Phrase], /) -> ColumnElement[float]:
        """Return the BM25 score of a row of `UNIT_WORDS` that has any of the phrases: lower is better."""

    def write_item_words(self, connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
        """Write the words of items, given by their ids, in place of those that they have."""

    def add_unit_words(self, connection: Connection, rows: Sequence[tuple[int, str | None]]) -> None:
        """Write the words of new units, given by their ids."""

    def renew_unit_words(self, connection: Connection, item_ids: Sequence[int]) -> None:
        """Write the words of all units of items, whose texts have changed."""

    def finish_deletion(self, connection: Connection) -> None:
        """Do what is to be done once after many items were deleted; their words are gone."""


class Sql(Protocol):
    """The module `sql` of a package."""

    MONTHS: TextClause
    FOLDERS: TextClause


def full_text(connection: Connection) -> FullText:
    """Return how the library searches texts."""
    if is_postgresql(connection):
        from indexer.catalog.postgresql import fulltext as of_postgresql  # late: a folder needs nothing of it

        return of_postgresql
    return sqlite_fulltext


def sql(connection: Connection) -> Sql:
    """Return the library's statements that SQLAlchemy has no constructs for."""
    if is_postgresql(connection):
        from indexer.catalog.postgresql import sql as of_postgresql  # late: a folder needs nothing of it

        return of_postgresql
    return sqlite_sql
