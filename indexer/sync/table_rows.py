"""Rows of a table as items: what each holds, and what the catalog has to learn of them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from indexer.catalog.statements.table_rows import RowRecord
from indexer.documents.table import Columns, RawRow, read_rows
from indexer.documents.text_file import MAX_TEXT_BYTES, decode_text
from indexer.errors import FailureKind, TextError
from indexer.sync.planner import RETRYABLE_FAILURES, Added, Changed, Removed, Step, Unchanged
from indexer.sync.scan_rules import SourceFile
from indexer.types import is_below, stored_mtime

COMPARED = 1000
"""Rows that are looked up in the catalog together."""

LONGEST_ID = 500
"""Characters of a row's id: what is longer is a text in the wrong column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow(SourceFile):
    """A row of a table; size and time are those of its picture, else of its text and the table.

    Attributes:
        number: 1 for the first row below the head.
        texts: What its text columns say, none of them blank.
        picture: Absolute path of its picture.
        content_hash: SHA-256 over the texts and over place, size and time of the picture.
        problem: Why it cannot be indexed.
    """

    number: int
    texts: tuple[str, ...]
    picture: str | None
    content_hash: bytes
    problem: TextError | None = None


class SeenKeys:
    """The keys that a table has so far, in a temporary file: memory does not grow with them."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._database = sqlite3.connect("", isolation_level=None)  # no name: SQLite keeps it in a file that is gone
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, key: str) -> bool:
        """Add a key and return whether it is new."""
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (os.fsencode(key),)).rowcount == 1

    def __contains__(self, key: str) -> bool:
        return self._database.execute("SELECT 1 FROM seen WHERE key = ?", (os.fsencode(key),)).fetchone() is not None

    def close(self) -> None:
        """Throw the keys away."""
        self._database.close()


def row_steps(
    rows: Iterable[TableRow],
    *,
    look_up: Callable[[Sequence[str]], Mapping[str, RowRecord]],
    known: Iterable[RowRecord],
) -> Iterator[Step]:
    """Yield what to do with a table's rows, in their order, and then with those that are gone.

    Args:
        rows: All rows of the table.
        look_up: Gives by path what the catalog knows of rows.
        known: All that the catalog knows of the table.
    """
    seen = SeenKeys()
    try:
        source = iter(rows)
        while batch := [_told_apart(row, seen) for row in islice(source, COMPARED)]:
            old = look_up([row.path for row in batch])
            yield from (_step(row, old.get(row.path)) for row in batch)
        yield from (Removed(item.id) for item in known if item.path not in seen)
    finally:
        seen.close()


def _told_apart(row: TableRow, seen: SeenKeys) -> TableRow:
    """Return a row under a key of its own; one whose id was there before is no use."""
    if seen.add(row.path):
        return row
    table, _, id_ = row.path.partition("\0")
    row = replace(
        row, path=_numbered(table, id_, row.number), problem=_bad(f"another row before it has the id {id_} too")
    )
    seen.add(row.path)
    return row


def _step(row: TableRow, item: RowRecord | None) -> Step:
    if item is None:
        return Added(row)
    if row.content_hash == item.content_hash and item.failure not in RETRYABLE_FAILURES:
        return Unchanged(failed=item.failure is not None)
    return Changed(row, item.id)


def read_table(table: str, columns: Columns) -> Iterator[TableRow]:
    """Yield the rows of a table.

    Args:
        table: Absolute path, links resolved.
        columns: Which of its columns are what.

    Raises:
        SourceError: It cannot be read to its end, or lacks a column.
        MissingPackageError: It is Parquet, and pyarrow is not installed.
    """
    folder, mtime_ns = os.path.realpath(os.path.dirname(table)), -1
    for raw in read_rows(Path(table), columns):
        mtime_ns = stored_mtime(Path(table).stat()) if mtime_ns == -1 else mtime_ns
        yield _found(raw, table, folder, columns, mtime_ns)


def _found(raw: RawRow, table: str, folder: str, columns: Columns, mtime_ns: int) -> TableRow:
    """Return a row as an item; what is wrong with it stands in `problem`."""
    problem, key = raw.problem, _numbered(table, "", raw.number)
    texts: tuple[str, ...] = ()
    picture = None
    try:
        key = _key(raw, table, columns)
        if problem is None:
            texts, picture = _texts(raw, columns), _picture(raw, folder, columns)
            if not texts and picture is None:
                problem = TextError(FailureKind.EMPTY, "the row has neither text nor a picture")
    except TextError as error:
        problem = problem or error
    size, time = _facts(picture) if picture else (sum(len(text) for text in texts), mtime_ns)
    hashed = json.dumps([texts, picture, (size, time) if picture else None, str(problem)])
    return TableRow(
        path=key,
        size=size,
        mtime_ns=time,
        number=raw.number,
        texts=texts,
        picture=picture,
        content_hash=hashlib.sha256(hashed.encode()).digest(),
        problem=problem,
    )


def _key(raw: RawRow, table: str, columns: Columns) -> str:
    """Return what tells a row apart, as the path of its item.

    Raises:
        TextError: It has no usable id.
    """
    if columns.id is None:
        return f"{table}\0{raw.number}"
    written = " ".join(_said(raw.cells.get(columns.id), columns.id))
    id_ = written.strip()
    if not id_:
        raise _bad(f"the column {columns.id} is empty")
    if len(id_) > LONGEST_ID:
        raise _bad(f"the column {columns.id} has {len(id_):,} characters; expected an id of at most {LONGEST_ID}")
    return f"{table}\0{id_}"


def _numbered(table: str, id_: str, number: int) -> str:
    """Return the path of an item whose row has no id of its own; no id holds a NUL."""
    return f"{table}\0{id_}\0{number}"


def _texts(raw: RawRow, columns: Columns) -> tuple[str, ...]:
    """Return what the text columns say.

    Raises:
        TextError: A cell holds no text, or too much.
    """
    found = [text for column in columns.text for text in _said(raw.cells.get(column), column) if text.strip()]
    if sum(len(text) for text in found) > MAX_TEXT_BYTES:
        raise TextError(FailureKind.TOO_LARGE, f"its text has more than {MAX_TEXT_BYTES:,} characters")
    return tuple(found)


def _said(value: Any, column: str) -> list[str]:
    """Return what a cell says, each value of a list by itself.

    Raises:
        TextError: It holds no text.
    """
    if _is_nothing(value):
        return []
    if isinstance(value, list | tuple):
        return [text for each in value for text in _said(each, column)]
    if isinstance(value, bytes):
        return [decode_text(value)]
    if isinstance(value, dict):
        raise TextError(FailureKind.NOT_TEXT, f"the column {column} holds an object, expected text")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            text = decode_text(text.encode(errors="surrogateescape"))  # bytes of a CSV that are no UTF-8
        except UnicodeEncodeError:
            text = text.encode(errors="replace").decode()  # half a character, as JSON may write it
    return [text.replace("\0", " ")]


def _is_nothing(value: Any) -> bool:
    """Return whether a cell is empty; not-a-number stands for that in many tables."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _picture(raw: RawRow, folder: str, columns: Columns) -> str | None:
    """Return the path of a row's picture, None where its cell is empty.

    Raises:
        TextError: It lies outside the table's folder: who writes a table may not choose what is read.
    """
    value = raw.cells.get(columns.image) if columns.image is not None else None
    if _is_nothing(value) or value == "":
        return None
    if not isinstance(value, str):
        raise TextError(
            FailureKind.NOT_TEXT, f"the column {columns.image} holds a {type(value).__name__}, expected a path"
        )
    try:
        place = os.path.realpath(os.path.join(folder, value))
        os.fsencode(place)
    except ValueError as error:
        raise TextError(FailureKind.UNREADABLE, f"no file can have the name {value!r}") from error
    if not is_below(place, folder):
        raise TextError(FailureKind.OUTSIDE, f"its picture {value!r} is not in the table's folder, so it is not read")
    return place


def _facts(picture: str) -> tuple[int, int]:
    """Return size and time of a picture, zeros where there is none: reading it will say what is wrong."""
    try:
        facts = Path(picture).stat()
    except OSError:
        return 0, 0
    return facts.st_size, stored_mtime(facts)


def _bad(message: str) -> TextError:
    return TextError(FailureKind.BAD_ROW, message)
