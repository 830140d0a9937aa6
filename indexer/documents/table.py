"""Tables as a stream of rows: CSV, JSON Lines and Parquet.

CSV and JSON Lines are read line by line with Python's own modules: pandas guesses types ("007" becomes 7, "NA" becomes
missing) and rejects a whole table for one damaged line. Parquet needs pyarrow, which is imported only for it.
"""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from indexer.documents.text_file import bom_encoding
from indexer.errors import FailureKind, MissingPackageError, SourceError, TextError

TABLE_FORMATS = {".csv": "CSV", ".jsonl": "JSONL", ".parquet": "Parquet"}
"""Suffix, in lower case, to the format's name in the catalog."""

MAX_LINE = 10_000_000
"""Characters of a line, or of a cell of several lines, at most."""

MAX_CELL = 1_000_000
"""Characters of a cell of a Parquet file at most: a batch of rows with such cells takes a few hundred MB."""

MAX_ROW_GROUP_BYTES = 4 << 30
"""Uncompressed size of a row group of a Parquet file, at most."""

PARQUET_ROWS = 256
"""Rows of a Parquet file that are read into memory at once."""

JSON_SAMPLE = 1000
"""Objects of a JSON Lines file after which a column that none of them has is reported as missing."""


class Columns(NamedTuple):
    """The columns of a table that are indexed.

    Attributes:
        text: Columns with text, in this order.
        image: Column with paths of pictures, absolute or relative to the table's folder.
        id: Column that identifies rows; None identifies them by number.
    """

    text: Sequence[str] = ()
    image: str | None = None
    id: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of all these columns, without duplicates."""
        return list(dict.fromkeys([*self.text, *(name for name in (self.image, self.id) if name is not None)]))

    def to_dict(self) -> dict[str, Any]:
        """Return the columns as the catalog stores them, as JSON-compatible values."""
        return {"text": list(self.text), "image": self.image, "id": self.id}


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as read from a table.

    Attributes:
        number: 1 for the first row below the header.
        cells: Values by column; of a damaged line only those that can be read.
        problem: Why the line is invalid, None if it is valid.
    """

    number: int
    cells: Mapping[str, Any]
    problem: TextError | None = None


def table_format(name: str) -> str | None:
    """Return a table's format by the suffix of its name, None for other files."""
    return TABLE_FORMATS.get(os.path.splitext(name)[1].lower())


def read_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    """Yield the rows of a table; the number of rows in memory is bounded.

    Raises:
        SourceError: The table cannot be read to its end, lacks a column, or no columns are given.
        MissingPackageError: The table is Parquet and pyarrow is not installed.
    """
    if not columns.text and columns.image is None:
        raise SourceError(
            f"{path} is a table; name its columns with text or picture paths, --text-column NAME or "
            f"--image-column NAME; its columns are: {', '.join(_column_names(path))}"
        )
    try:
        _check_regular(path)
        yield from {"CSV": _csv_rows, "JSONL": _json_rows}.get(table_format(path.name) or "", _parquet_rows)(
            path, columns
        )
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}); nothing was changed") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} cannot be read: it has a byte order mark of {error.encoding} but is not valid {error.encoding}"
        ) from error


def _column_names(path: Path) -> list[str]:
    """Return the names of a table's columns, of JSON Lines those of the first object; [] if it cannot be read."""
    kind = table_format(path.name)
    try:
        _check_regular(path)
        if kind == "Parquet":
            return list(_open_parquet(path).schema_arrow.names)
        with _open(path) as file:
            if kind == "CSV":
                return next(csv.reader(_lines(path, file)), [])
            first = next(_json_lines(path, file), None)
            return list(first.cells) if first else []
    except (OSError, UnicodeDecodeError, csv.Error):
        return []  # reading the rows reports the error


def _csv_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    previous = csv.field_size_limit(MAX_LINE)  # global to the process; the app may have set another
    try:
        with _open(path) as file:
            yield from _parse_csv(path, csv.reader(_lines(path, file), strict=True), columns)
    finally:
        csv.field_size_limit(previous)


def _parse_csv(path: Path, reader: Any, columns: Columns) -> Iterator[RawRow]:
    """Yield the rows of a CSV reader, whose `line_num` is the last line that it has read."""
    header: list[str] | None = None
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if header is None or "unexpected end" in str(error) or "larger than" in str(error):
                raise SourceError(
                    f"{path} cannot be read from line {line} on ({error}); check for a missing quotation mark; nothing "
                    "was changed"
                ) from error
            number += 1
            yield RawRow(number, {}, _row_error(f"line {line} is damaged ({error})"))
            continue
        if header is None:
            header = cells
            _check_columns(path, header, columns)
        elif cells:
            number += 1
            problem = None
            if len(cells) != len(header):
                problem = _row_error(f"line {line} has {len(cells)} cells, expected {len(header)}")
            values = dict(zip(header, cells, strict=False))
            yield RawRow(number, {name: values.get(name) for name in columns.names}, problem)
    if header is None:
        _check_columns(path, [], columns)


def _json_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    missing, names = set(columns.names), dict[str, None]()
    number = 0
    with _open(path) as file:
        for row in _json_lines(path, file):
            number = row.number
            if missing:
                missing -= row.cells.keys()
                names |= dict.fromkeys(list(row.cells)[:100])
                if missing and number == JSON_SAMPLE:
                    break
            yield RawRow(number, {name: row.cells.get(name) for name in columns.names}, row.problem)
    if missing and number:
        _check_columns(path, list(names), columns)


def _json_lines(path: Path, file: TextIO) -> Iterator[RawRow]:
    number = 0
    for line_number, line in enumerate(_lines(path, file), start=1):
        if not line.strip():
            continue
        number += 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield RawRow(number, {}, _row_error(f"line {line_number} is not valid JSON ({error})"))
            continue
        if isinstance(value, dict):
            yield RawRow(number, value)
        else:
            yield RawRow(number, {}, _row_error(f"line {line_number} is not a JSON object"))


def _parquet_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    plain = _open_parquet(path)
    _check_columns(path, plain.schema_arrow.names, columns)
    simple = {plain.schema.column(number).path for number in range(len(plain.schema.names))}
    plain.close()
    file = _open_parquet(path, dictionaries=[name for name in columns.names if name in simple])
    for group in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(group).total_byte_size
        if not 0 <= size <= MAX_ROW_GROUP_BYTES:
            raise SourceError(
                f"{path} has a row group of {size:,} bytes, more than {MAX_ROW_GROUP_BYTES:,}; write it in smaller ones"
            )
    number = 0
    try:
        for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns.names):
            cells_by_column = {name: _parquet_cells(batch.column(name)) for name in batch.schema.names}
            for cells in zip(*cells_by_column.values(), strict=True):
                number += 1
                yield _parquet_row(number, dict(zip(cells_by_column, cells, strict=True)))
    except (ValueError, OSError, NotImplementedError) as error:  # base classes of pyarrow's errors, and one of Python's
        raise SourceError(
            f"{path} is damaged after row {number} ({_first_line(error)}); nothing was changed"
        ) from error
    finally:
        file.close()


def _parquet_cells(column: Any) -> list[Any]:
    """Return the values of a column; those of a dictionary are decoded once, however many rows have them."""
    if not hasattr(column, "dictionary"):
        return list(column.to_pylist())
    values = column.dictionary.to_pylist()
    return [None if index is None else values[index] for index in column.indices.to_pylist()]


def _parquet_row(number: int, cells: dict[str, Any]) -> RawRow:
    """Return a row; one with a cell that CSV could not have is damaged."""
    for name, value in cells.items():
        if isinstance(value, str | bytes) and len(value) >= MAX_CELL:
            message = f"its cell in column {name!r} has {len(value):,} characters; expected less than {MAX_CELL:,}"
            return RawRow(number, {}, _row_error(message))
    return RawRow(number, cells)


def _open_parquet(path: Path, *, dictionaries: Sequence[str] = ()) -> Any:
    """Return an open Parquet file; in `dictionaries` repeated values stay one: 2 kB of them can stand for gigabytes."""
    try:
        from pyarrow import parquet  # late: takes a quarter of a second, and is an optional package
    except ImportError as error:
        raise MissingPackageError(
            f"{path} is a Parquet file, which needs pyarrow; run: pip install 'recall-photos[tables]'"
        ) from error
    try:
        return parquet.ParquetFile(path, read_dictionary=list(dictionaries))
    except (ValueError, OSError) as error:
        raise SourceError(f"{path} is not a valid Parquet file ({_first_line(error)})") from error


def _check_regular(path: Path) -> None:
    """Refuse anything but a regular file; opening a pipe, for instance, would block."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise SourceError(f"{path} is not a regular file; expected a table")


def _open(path: Path) -> TextIO:
    """Open a CSV or JSON Lines file; bytes that are not UTF-8 become surrogates, as in file names."""
    with path.open("rb") as file:
        encoding = bom_encoding(file.read(4))
    return path.open(
        encoding=encoding or "utf-8",
        errors="surrogateescape" if encoding in (None, "utf-8-sig") else "strict",
        newline="",
    )


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), ""), start=1):
        if len(line) == MAX_LINE:
            raise SourceError(
                f"{path} cannot be read: line {number} has {MAX_LINE:,} characters or more; nothing was changed"
            )
        yield line


def _check_columns(path: Path, names: Sequence[str], columns: Columns) -> None:
    for name in columns.names:
        if name not in names:
            existing = ", ".join(names[:50]) or "none"
            raise SourceError(f"{path} has no column {name!r}; its columns are: {existing}")
        if names.count(name) > 1:
            raise SourceError(f"{path} has two columns {name!r}; rename one of them")


def _row_error(message: str) -> TextError:
    return TextError(FailureKind.BAD_ROW, message)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
