"""SQL beyond what SQLAlchemy writes for every database: each construct, as SQLite and as PostgreSQL has it.

The first of two functions for a construct is SQLite's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    String,
    Table,
    bindparam,
    column,
    insert,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement, TableValuedAlias

from indexer.catalog.column_types import NUMBER, without_nul
from indexer.catalog.dialect import is_postgresql


def streaming(connection: Connection, rows: int = 5000) -> dict[str, Any]:
    """Return the execution options of a statement that returns very many rows.

    PostgreSQL's driver would otherwise fetch all of them at once.

    Args:
        connection: Open connection.
        rows: Rows that are fetched together, at most.
    """
    return {"stream_results": True, "max_row_buffer": rows} if is_postgresql(connection) else {}


class JoinedIds(FunctionElement[str]):
    """All ids of a group, joined by commas: a row of Python objects per id would take three times as long."""

    name = "group_concat"
    type = String()
    inherit_cache = True


@compiles(JoinedIds)
def _joined_ids(element: JoinedIds, compiler: Any, **options: Any) -> str:
    return f"group_concat({_arguments(element, compiler, options)})"


@compiles(JoinedIds, "postgresql")
def _joined_ids_on_postgresql(element: JoinedIds, compiler: Any, **options: Any) -> str:
    return f"string_agg(CAST({_arguments(element, compiler, options)} AS TEXT), ',')"


class JsonList(FunctionElement[str]):
    """All values of a column as a list in JSON."""

    name = "json_group_array"
    type = String()
    inherit_cache = True


@compiles(JsonList)
def _json_list(element: JsonList, compiler: Any, **options: Any) -> str:
    return f"json_group_array({_arguments(element, compiler, options)})"


@compiles(JsonList, "postgresql")
def _json_list_on_postgresql(element: JsonList, compiler: Any, **options: Any) -> str:
    return f"CAST(coalesce(json_agg({_arguments(element, compiler, options)}), '[]') AS TEXT)"


class Day(FunctionElement[str]):
    """The day of a time, as "2019-05-01"."""

    name = "day"
    type = String()
    inherit_cache = True


@compiles(Day)
def _day(element: Day, compiler: Any, **options: Any) -> str:
    return f"substr({_arguments(element, compiler, options)}, 1, 10)"


@compiles(Day, "postgresql")
def _day_on_postgresql(element: Day, compiler: Any, **options: Any) -> str:
    return f"to_char({_arguments(element, compiler, options)}, 'YYYY-MM-DD')"


class Stamp(FunctionElement[str]):
    """Three numbers as a text, with blanks between them; NULL if the first is NULL, "" for another one that is."""

    name = "stamp"
    type = String()
    inherit_cache = True


@compiles(Stamp)
def _stamp(element: Stamp, compiler: Any, **options: Any) -> str:
    first, *others = (compiler.process(number, **options) for number in element.clauses)
    return " || ' ' || ".join((first, *(f"coalesce({number}, '')" for number in others)))


@compiles(Stamp, "postgresql")
def _stamp_on_postgresql(element: Stamp, compiler: Any, **options: Any) -> str:
    first, *others = (f"CAST({compiler.process(number, **options)} AS TEXT)" for number in element.clauses)
    return " || ' ' || ".join((first, *(f"coalesce({number}, '')" for number in others)))


class _Folded(FunctionElement[str]):
    name = "folded"
    type = String()
    inherit_cache = True


@compiles(_Folded)
def _folded(element: _Folded, compiler: Any, **options: Any) -> str:
    return _arguments(element, compiler, options)  # the column's collation ignores case


@compiles(_Folded, "postgresql")
def _folded_on_postgresql(element: _Folded, compiler: Any, **options: Any) -> str:
    return f"lower({_arguments(element, compiler, options)})"  # of ASCII letters, in the collation "C"


def folded(label: ColumnElement[str]) -> ColumnElement[str]:
    """Return a label in the form in which labels are compared and sorted: without the case of ASCII letters."""
    return _Folded(label)


class _Condition(FunctionElement[bool]):
    """A condition that is written as it is: SQLAlchemy would add "= 1" on SQLite, which then uses no index for it."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Return the condition itself; AND, OR and NOT bind less than what it consists of."""
        return self


class _Glob(_Condition):
    """A text, and a pattern in both databases' forms."""

    name = "glob"
    inherit_cache = True


@compiles(_Glob)
def _glob(element: _Glob, compiler: Any, **options: Any) -> str:
    text, pattern, _ = element.clauses
    return f"{compiler.process(text, **options)} GLOB {compiler.process(pattern, **options)}"


@compiles(_Glob, "postgresql")
def _glob_on_postgresql(element: _Glob, compiler: Any, **options: Any) -> str:
    text, _, pattern = element.clauses
    return f"{compiler.process(text, **options)} LIKE {compiler.process(pattern, **options)}"


_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\", "*": "%", "?": "_"})


def matches_pattern(text: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Return the condition that a text matches a pattern, in which * is any text and ? one character.

    An index on the text finds what begins like the pattern.
    """
    like = without_nul(pattern).translate(_LIKE)
    return _Glob(text, *(bindparam(None, form, String()) for form in (pattern.replace("[", "[[]"), like)))


INDEXED_LETTERS = 200
"""Letters of a text of any length that are in an index of PostgreSQL, whose entries have at most 2,704 bytes."""


class _Narrowed(_Condition):
    name = "narrowed"
    inherit_cache = True


@compiles(_Narrowed)
def _narrowed(element: _Narrowed, compiler: Any, **options: Any) -> str:
    condition, _ = element.clauses
    return str(compiler.process(condition, **options))


@compiles(_Narrowed, "postgresql")
def _narrowed_on_postgresql(element: _Narrowed, compiler: Any, **options: Any) -> str:
    condition, necessary = (compiler.process(part, **options) for part in element.clauses)
    return f"({necessary} AND {condition})"


def narrowed(condition: ColumnElement[bool], necessary: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition, on PostgreSQL with one that follows from it and for which there is an index."""
    return _Narrowed(condition, necessary)


class _Numbers(FunctionElement[int]):
    name = "numbers"
    inherit_cache = True


@compiles(_Numbers)
def _numbers(element: _Numbers, compiler: Any, **options: Any) -> str:
    return f"json_each({_arguments(element, compiler, options)})"


@compiles(_Numbers, "postgresql")
def _numbers_on_postgresql(element: _Numbers, compiler: Any, **options: Any) -> str:
    return f"numbers_of_json({_arguments(element, compiler, options)})"  # see `postgresql.schema`


def number_table(numbers: str) -> TableValuedAlias:
    """Return a table with the column `value` of numbers, given as a list in JSON."""
    return _Numbers(bindparam(None, numbers, String())).table_valued(column("value", NUMBER))


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return the statement that inserts rows and leaves out those whose keys the table has."""
    if not is_postgresql(connection):
        return insert(table).prefix_with("OR IGNORE")
    from sqlalchemy.dialects import postgresql  # late: only a library in PostgreSQL uses it

    return postgresql.insert(table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, key: Sequence[str]) -> Insert:
    """Return the statement that inserts rows in place of those with the same key.

    A row of a table whose ids the database makes gets a new id.

    Args:
        connection: Open connection.
        table: The table.
        key: The columns of the key.
    """
    if not is_postgresql(connection):
        return insert(table).prefix_with("OR REPLACE")
    from sqlalchemy.dialects import postgresql  # late: only a library in PostgreSQL uses it

    statement = postgresql.insert(table)
    values = {other.name: statement.excluded[other.name] for other in table.c if other.name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=values)


def _arguments(element: FunctionElement[Any], compiler: Any, options: Any) -> str:
    return str(compiler.process(element.clauses, **options))
