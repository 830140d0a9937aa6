"""Tables as a stream of rows: CSV, JSON lines and Parquet.

CSV and JSON lines are read by Python's own modules, a line at a time: pandas would guess types ("007" becomes 7, "NA"
nothing), and gives up a whole table for one damaged line. Parquet needs pyarrow, which only this module imports.
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
"""What files with these endings, in lower case, are called in the catalog."""

LINE = 10_000_000
"""Characters that a line, or a cell that goes over several lines, may have."""

PARQUET_ROWS = 256
"""Rows of a Parquet file that are in memory at once."""

SAMPLED = 1000
"""Objects of a file of JSON lines after which a column that none of them has is said to be missing."""


class Columns(NamedTuple):
    """Which columns of a table are what.

    Attributes:
        text: Those with text, in this order.
        image: The one with paths of pictures, absolute or from the table's folder.
        id: The one that tells rows apart; None takes the row's number.
    """

    text: Sequence[str] = ()
    image: str | None = None
    id: str | None = None

    @property
    def names(self) -> list[str]:
        """All that are read, each once."""
        return list(dict.fromkeys([*self.text, *(name for name in (self.image, self.id) if name is not None)]))

    def to_dict(self) -> dict[str, Any]:
        """Return the columns as the catalog keeps them, in values that json can write."""
        return {"text": list(self.text), "image": self.image, "id": self.id}


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it stands in a table.

    Attributes:
        number: 1 for the first row below the head.
        cells: What is in the used columns; those that a damaged line still shows.
        problem: What is wrong with its line.
    """

    number: int
    cells: Mapping[str, Any]
    problem: TextError | None = None


def table_format(name: str) -> str | None:
    """Return the format that a name's ending stands for, None where it is not that of a table."""
    return TABLE_FORMATS.get(os.path.splitext(name)[1].lower())


def read_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    """Yield the rows of a table, a bounded number of them in memory.

    Raises:
        SourceError: It cannot be read to its end, or lacks a column.
        MissingPackageError: It is Parquet, and pyarrow is not installed.
    """
    if not columns.text and columns.image is None:
        raise SourceError(
            f"{path} is a table: name the columns with text or with paths of pictures, --text-column NAME or "
            f"--image-column NAME; it has: {', '.join(_names(path))}"
        )
    try:
        _check_regular(path)
        yield from {"CSV": _csv_rows, "JSONL": _json_rows}.get(table_format(path.name) or "", _parquet_rows)(
            path, columns
        )
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}); nothing was changed") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} cannot be read: it is marked as {error.encoding} and is not") from error


def _names(path: Path) -> list[str]:
    """Return the names of a table's columns, of JSON lines those of the first object."""
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
        return []  # whoever reads it says what is wrong


def _csv_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    before = csv.field_size_limit(LINE)  # of the whole process: an app may have its own
    try:
        with _open(path) as file:
            yield from _parsed(path, csv.reader(_lines(path, file), strict=True), columns)
    finally:
        csv.field_size_limit(before)


def _parsed(path: Path, reader: Any, columns: Columns) -> Iterator[RawRow]:
    """Yield the rows of a CSV reader; `line_num` is its last line so far."""
    head: list[str] | None = None
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if head is None or "unexpected end" in str(error) or "larger than" in str(error):
                raise SourceError(
                    f"{path} cannot be read from line {line} on ({error}); is a quotation mark missing there? Nothing "
                    "was changed"
                ) from error
            number += 1
            yield RawRow(number, {}, _bad(f"line {line} is damaged ({error})"))
            continue
        if head is None:
            head = cells
            _check_columns(path, head, columns)
        elif cells:
            number += 1
            problem = None if len(cells) == len(head) else f"line {line} has {len(cells)} cells, expected {len(head)}"
            known = dict(zip(head, cells, strict=False))
            yield RawRow(number, {name: known.get(name) for name in columns.names}, _bad(problem) if problem else None)
    if head is None:
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
                if missing and number == SAMPLED:
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
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield RawRow(number, {}, _bad(f"line {line_number} is no JSON ({error})"))
            continue
        if isinstance(found, dict):
            yield RawRow(number, found)
        else:
            yield RawRow(number, {}, _bad(f"line {line_number} is no JSON object"))


def _parquet_rows(path: Path, columns: Columns) -> Iterator[RawRow]:
    file = _open_parquet(path)
    _check_columns(path, file.schema_arrow.names, columns)
    number = 0
    try:
        for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns.names):
            for cells in batch.to_pylist():
                number += 1
                yield RawRow(number, cells)
    except (ValueError, OSError, NotImplementedError) as error:  # what pyarrow's own errors are, apart from one
        raise SourceError(
            f"{path} is damaged behind row {number} ({_first_line(error)}); nothing was changed"
        ) from error
    finally:
        file.close()


def _open_parquet(path: Path) -> Any:
    try:
        from pyarrow import parquet  # late: it takes a quarter of a second, and is an extra
    except ImportError as error:
        raise MissingPackageError(
            f"{path} is Parquet, which needs pyarrow; run: pip install 'recall-photos[tables]'"
        ) from error
    try:
        return parquet.ParquetFile(path)
    except (ValueError, OSError) as error:
        raise SourceError(f"{path} is no Parquet file ({_first_line(error)})") from error


def _check_regular(path: Path) -> None:
    """Refuse what would be waited for, such as a pipe."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise SourceError(f"{path} is no file; expected a table")


def _open(path: Path) -> TextIO:
    """Open a table of lines; bytes that are no UTF-8 become surrogates, as in file names."""
    with path.open("rb") as file:
        encoding = bom_encoding(file.read(4))
    return path.open(
        encoding=encoding or "utf-8",
        errors="surrogateescape" if encoding in (None, "utf-8-sig") else "strict",
        newline="",
    )


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(LINE), ""), start=1):
        if len(line) == LINE:
            raise SourceError(
                f"{path} cannot be read: line {number} has {LINE:,} characters or more; nothing was changed"
            )
        yield line


def _check_columns(path: Path, names: Sequence[str], columns: Columns) -> None:
    for name in columns.names:
        if name not in names:
            listed = ", ".join(names[:50]) or "none"
            raise SourceError(f"{path} has no column {name!r}; it has: {listed}")
        if names.count(name) > 1:
            raise SourceError(f"{path} has two columns {name!r}; give one of them another name")


def _bad(message: str) -> TextError:
    return TextError(FailureKind.BAD_ROW, message)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
