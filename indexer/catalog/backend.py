"""Which database a library is in, and the modules of its package: `sqlite` or `postgresql`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, Connection, TableClause, TextClause


class Phrase(NamedTuple):
    """What full-text search looks for: words of a text in their order, mostly a single one.

    Attributes:
        text: The words.
        is_beginning: Whether the last one may be the beginning of a longer one.
    """

    text: str
    is_beginning: bool = False


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


def is_postgresql(connection: Connection) -> bool:
    """Return whether the library is in PostgreSQL, not in a folder."""
    return connection.dialect.name == "postgresql"


def full_text(connection: Connection) -> FullText:
    """Return how the library searches texts."""
    if is_postgresql(connection):
        from indexer.catalog.postgresql import fulltext as of_postgresql  # late: a folder needs nothing of it

        return of_postgresql
    from indexer.catalog.sqlite import fulltext as of_sqlite  # late: a circle, for it imports `Phrase`

    return of_sqlite


def sql(connection: Connection) -> Sql:
    """Return the library's statements that SQLAlchemy has no constructs for."""
    if is_postgresql(connection):
        from indexer.catalog.postgresql import sql as of_postgresql  # late: a folder needs nothing of it

        return of_postgresql
    from indexer.catalog.sqlite import sql as of_sqlite  # late, as above

    return of_sqlite
