"""Rows of a table as items, and the steps that bring the catalog up to date with them."""

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
from indexer.sync.planner import RETRYABLE_FAILURES
from indexer.sync.steps import Added, Changed, Removed, Step, Unchanged
from indexer.sync.walk_entries import SourceFile
from indexer.types import is_below, stored_mtime

LOOKUP_SIZE = 1000
"""Rows that are looked up in the catalog together."""

MAX_ID_LENGTH = 500
"""Characters of a row's id, at most; a longer one is probably text in the wrong column."""

_MAX_PATH_BYTES = 2500
"""Bytes of the path of a row's item, about, at most: an index of PostgreSQL holds 2,600."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow(SourceFile):
    """A row of a table.

    Size and modification time are those of its picture; without a picture, the length of its texts and the table's
    modification time.

    Attributes:
        number: 1 for the first row below the header.
        texts: The values of its text columns; none is blank.
        picture: Absolute path of its picture, None without one.
        content_hash: SHA-256 of the texts and of the picture's path, size and modification time.
        problem: Why it cannot be indexed, None if it can.
    """

    number: int
    texts: tuple[str, ...]
    picture: str | None
    content_hash: bytes
    problem: TextError | None = None


class SeenKeys:
    """A set of keys in a temporary file, so that memory does not grow with a table."""

    def __init__(self) -> None:
        """Create an empty set."""
        self._database = sqlite3.connect("", isolation_level=None)  # without a name, SQLite uses a temporary file
        self._database.execute("CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, key: str) -> bool:
        """Add a key, and return whether it is new."""
        return self._database.execute("INSERT OR IGNORE INTO keys VALUES (?)", (os.fsencode(key),)).rowcount == 1

    def __contains__(self, key: str) -> bool:
        return self._database.execute("SELECT 1 FROM keys WHERE key = ?", (os.fsencode(key),)).fetchone() is not None

    def close(self) -> None:
        """Delete the keys."""
        self._database.close()


def row_steps(
    rows: Iterable[TableRow],
    *,
    find_records: Callable[[Sequence[str]], Mapping[str, RowRecord]],
    records: Iterable[RowRecord],
) -> Iterator[Step]:
    """Yield what to do with a table's rows, in their order, then with those that were removed.

    Args:
        rows: All rows of the table.
        find_records: Returns the catalog's records of rows, by path.
        records: All of the catalog's records of the table.
    """
    keys = SeenKeys()
    try:
        remaining = iter(rows)
        while batch := [_with_unique_key(row, keys) for row in islice(remaining, LOOKUP_SIZE)]:
            found = find_records([row.path for row in batch])
            yield from (_step(row, found.get(row.path)) for row in batch)
        yield from (Removed(record.id, os.fsencode(record.path)) for record in records if record.path not in keys)
    finally:
        keys.close()


def _with_unique_key(row: TableRow, keys: SeenKeys) -> TableRow:
    """Return the row with a unique path; a row whose id has occurred before gets a problem."""
    if keys.add(row.path):
        return row
    table, _, id_ = row.path.partition("\0")
    problem = _row_error(f"an earlier row has the same id, {id_}")
    row = replace(row, path=_numbered_path(table, id_, row.number), problem=problem)
    keys.add(row.path)
    return row


def _step(row: TableRow, record: RowRecord | None) -> Step:
    if record is None:
        return Added(row)
    if row.content_hash == record.content_hash and record.failure not in RETRYABLE_FAILURES:
        return Unchanged(failed=record.failure is not None)
    return Changed(row, record.id)


def read_table(table: str, columns: Columns) -> Iterator[TableRow]:
    """Yield the rows of a table.

    Args:
        table: Canonical path of the table.
        columns: The columns to index.

    Raises:
        SourceError: The table cannot be read to its end, or lacks a column.
        MissingPackageError: The table is Parquet and pyarrow is not installed.
    """
    folder, mtime_ns = os.path.realpath(os.path.dirname(table)), -1
    for raw in read_rows(Path(table), columns):
        mtime_ns = stored_mtime(Path(table).stat()) if mtime_ns == -1 else mtime_ns
        yield _table_row(raw, table, folder, columns, mtime_ns)


def _table_row(raw: RawRow, table: str, folder: str, columns: Columns, mtime_ns: int) -> TableRow:
    """Return a row as an item; why it is invalid is in `problem`."""
    problem, path = raw.problem, _numbered_path(table, "", raw.number)
    texts: tuple[str, ...] = ()
    picture = None
    try:
        path = _row_path(raw, table, columns)
        if problem is None:
            texts, picture = _texts(raw, columns), _picture(raw, folder, columns)
            if not texts and picture is None:
                problem = TextError(FailureKind.EMPTY, "the row has neither text nor a picture")
    except TextError as error:
        problem = problem or error
    size, time = _file_stat(picture) if picture else (sum(len(text) for text in texts), mtime_ns)
    content = json.dumps([texts, picture, (size, time) if picture else None, problem and problem.kind])
    return TableRow(
        path=path,
        size=size,
        mtime_ns=time,
        number=raw.number,
        texts=texts,
        picture=picture,
        content_hash=hashlib.sha256(content.encode()).digest(),
        problem=problem,
    )


def _row_path(raw: RawRow, table: str, columns: Columns) -> str:
    """Return the path of a row's item, which contains the row's id or number.

    Raises:
        TextError: The row has no valid id.
    """
    if columns.id is None:
        return f"{table}\0{raw.number}"
    id_ = " ".join(_cell_texts(raw.cells.get(columns.id), columns.id)).strip()
    if not id_:
        raise _row_error(f"the column {columns.id} is empty")
    if len(id_) > MAX_ID_LENGTH:
        raise _row_error(
            f"the column {columns.id} has {len(id_):,} characters; expected an id of at most {MAX_ID_LENGTH}"
        )
    if len(os.fsencode(table)) + len(id_.encode()) > _MAX_PATH_BYTES:
        raise _row_error(f"the column {columns.id} and the table's path have more than {_MAX_PATH_BYTES:,} bytes")
    return f"{table}\0{id_}"


def _numbered_path(table: str, id_: str, number: int) -> str:
    """Return the path of the item of a row without a unique id; ids contain no NUL."""
    return f"{table}\0{id_}\0{number}"


def _texts(raw: RawRow, columns: Columns) -> tuple[str, ...]:
    """Return the values of the text columns that are not blank.

    Raises:
        TextError: A cell is not text, or the text is too long.
    """
    texts = [text for column in columns.text for text in _cell_texts(raw.cells.get(column), column) if text.strip()]
    if sum(len(text) for text in texts) > MAX_TEXT_BYTES:
        raise TextError(FailureKind.TOO_LARGE, f"its text has more than {MAX_TEXT_BYTES:,} characters")
    return tuple(texts)


def _cell_texts(value: Any, column: str) -> list[str]:
    """Return a cell's value as texts: one, several for a list, none for an empty cell.

    Raises:
        TextError: The cell is not text.
    """
    if _is_empty(value):
        return []
    if isinstance(value, list | tuple):
        return [text for entry in value for text in _cell_texts(entry, column)]
    if isinstance(value, bytes):
        return [decode_text(value)]
    if isinstance(value, dict):
        raise TextError(FailureKind.NOT_TEXT, f"the column {column} contains an object, expected text")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            text = decode_text(text.encode(errors="surrogateescape"))  # bytes of a CSV file that are not UTF-8
        except UnicodeEncodeError:
            text = text.encode(errors="replace").decode()  # a lone surrogate, as JSON allows
    return [text.replace("\0", " ")]


def _is_empty(value: Any) -> bool:
    """Return whether a cell is empty; many tables use not-a-number for that."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _picture(raw: RawRow, folder: str, columns: Columns) -> str | None:
    """Return the path of a row's picture, None if the cell is empty.

    Raises:
        TextError: The cell is not a path, or the picture is outside the table's folder: the author of a table must not
            choose which files are read.
    """
    value = raw.cells.get(columns.image) if columns.image is not None else None
    if _is_empty(value) or value == "":
        return None
    if not isinstance(value, str):
        raise TextError(
            FailureKind.NOT_TEXT, f"the column {columns.image} contains a {type(value).__name__}, expected a path"
        )
    try:
        path = os.path.realpath(os.path.join(folder, value))
        os.fsencode(path)
    except ValueError as error:
        raise TextError(FailureKind.UNREADABLE, f"{value!r} is not a valid file name") from error
    if not is_below(path, folder):
        raise TextError(FailureKind.OUTSIDE, f"its picture {value!r} is not in the table's folder, so it is not read")
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise TextError(FailureKind.UNREADABLE, f"the path of its picture has more than {_MAX_PATH_BYTES:,} bytes")
    return path


def _file_stat(picture: str) -> tuple[int, int]:
    """Return a picture's size and modification time; zeros if it is missing, which the decoder reports."""
    try:
        info = Path(picture).stat()
    except OSError:
        return 0, 0
    return info.st_size, stored_mtime(info)


def _row_error(message: str) -> TextError:
    return TextError(FailureKind.BAD_ROW, message)
