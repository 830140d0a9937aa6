"""Evaluation sets: tables of captioned pictures, or of queries and what is to be found."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from indexer.errors import EvaluationError, QueryError
from retrieval.evaluation.query_column import query_in

if TYPE_CHECKING:
    from retrieval.query.query import Query

SetKind = Literal["captions", "queries"]

COLUMNS: dict[SetKind, tuple[str, str]] = {"captions": ("image", "caption"), "queries": ("query", "relevant")}
"""What tells a set's kind: the columns that it must have."""

HIGHEST = 100
"""Grade: trec_eval keeps a counter for each that is possible."""

_EXPECTED = "the columns " + ", or ".join(",".join(columns) for columns in COLUMNS.values())


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture of an evaluation set.

    Attributes:
        path: The file; it may be missing or damaged.
        captions: What is said about it, at least one.
    """

    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and what is to be found.

    Attributes:
        name: The query as it stands in the table.
        query: What it asks; the file of a query picture may be missing or damaged.
        relevant: The files that answer it, at least one, with how well they do, 1 or more.
    """

    name: str
    query: Query
    relevant: dict[Path, int]


def set_kind(csv_path: Path) -> SetKind:
    """Return what kind of set a table holds, by its columns; where they fit both kinds, captions.

    Raises:
        EvaluationError: There is no such table, or its columns fit neither kind.
    """
    columns, _ = _read(csv_path)
    for kind, needed in COLUMNS.items():
        if set(needed) <= set(columns):
            return kind
    raise EvaluationError(
        f"{csv_path} has the columns {', '.join(columns) or '(none)'}; expected {_EXPECTED} in its first line"
    )


def read_captions(csv_path: Path, split: str | None = None) -> list[CaptionedPicture]:
    """Return the pictures of an evaluation set in the order of their first line.

    Args:
        csv_path: Table with the columns image and caption, and maybe split. A picture is looked for in `images/`
            beside the table, then by its path from the table.
        split: Where given, only lines whose column `split` says so.

    Raises:
        EvaluationError: There is no such table, it lacks a column, or no line is left.
    """
    captions: dict[str, list[str]] = {}
    for _, name, caption, _ in _lines(csv_path, "captions", split):
        if name and caption:
            captions.setdefault(name, []).append(caption)
    if not captions:
        raise _nothing(csv_path, "caption", "an image and a caption", split)
    return [CaptionedPicture(_locate(csv_path.parent, name), tuple(group)) for name, group in captions.items()]


def read_queries(csv_path: Path, split: str | None = None) -> list[JudgedQuery]:
    """Return the queries of an evaluation set in the order of their first line.

    Args:
        csv_path: Table with the columns query (see `query_in`) and relevant, and maybe grade and split. Several lines
            of one query are several relevant files, with paths from the table's folder. A grade is a whole number from
            1 to `HIGHEST`, higher for a better answer, 1 where there is none; of a pair that stands there twice the
            higher one counts.
        split: Where given, only lines whose column `split` says so.

    Raises:
        EvaluationError: There is no such table, it lacks a column, a line cannot be used, or none is left.
    """
    found: dict[str, JudgedQuery] = {}
    for number, query, relevant, row in _lines(csv_path, "queries", split):
        if not query and not relevant:
            continue
        if not query or not relevant:
            there, absent = ("relevant", "query") if relevant else ("query", "relevant")
            raise EvaluationError(f"line {number} of {csv_path} has a {there} but no {absent}; expected both")
        if "\0" in query + relevant:
            raise EvaluationError(f"line {number} of {csv_path} holds a zero byte, which no name has; take it out")
        if query not in found:
            found[query] = JudgedQuery(query, _query(query, number, csv_path), {})
        grades = found[query].relevant
        path = Path(os.path.normpath(csv_path.parent / relevant))  # a/../b.jpg is b.jpg
        grades[path] = max(_grade(row.get("grade"), number, csv_path), grades.get(path, 0))
    if not found:
        raise _nothing(csv_path, "query", "a query and a relevant file", split)
    return list(found.values())


def _query(cell: str, number: int, csv_path: Path) -> Query:
    try:
        return query_in(cell, csv_path.parent)
    except QueryError as error:
        raise EvaluationError(f"line {number} of {csv_path} cannot be asked: {error}") from error


def _grade(value: str | None, number: int, csv_path: Path) -> int:
    text = (value or "").strip() or "1"
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST:
        raise EvaluationError(
            f"line {number} of {csv_path} has the grade {text!r}; expected a whole number from 1 to {HIGHEST}; "
            "leave out lines of files that do not answer the query"
        )
    return int(text)


def _nothing(csv_path: Path, missing: str, expected: str, split: str | None) -> EvaluationError:
    where = f" with split '{split}'" if split else ""
    advice = "check the name of the split, or leave --split out" if split else "add some"
    return EvaluationError(f"{csv_path} holds no {missing}{where}; expected lines with {expected}; {advice}")


def _lines(csv_path: Path, kind: SetKind, split: str | None) -> Iterator[tuple[int, str, str, dict[str, str | None]]]:
    """Yield each line of the split: its number, what the two columns of its kind hold, and the whole row."""
    needed = (*COLUMNS[kind], "split") if split else COLUMNS[kind]
    columns, rows = _read(csv_path)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise EvaluationError(
            f"{csv_path} has the columns {', '.join(columns) or '(none)'} but not {', '.join(missing)}; "
            f"expected {','.join(needed)} in its first line"
        )
    for number, row in rows:
        if split is None or row["split"] == split:
            first, second = ((row[name] or "").strip() for name in COLUMNS[kind])
            yield number, first, second, row


def _read(csv_path: Path) -> tuple[Sequence[str], list[tuple[int, dict[str, str | None]]]]:
    """Return a table's columns, and its rows with the number of the line that each ends on."""
    try:
        with csv_path.open(newline="", encoding="utf-8-sig") as lines:  # Excel writes a byte order mark
            reader = csv.DictReader(lines)
            columns = [name for name in reader.fieldnames or () if name]
            return columns, [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise EvaluationError(f"there is no {csv_path}; expected a table with {_EXPECTED}; check the path") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(
            f"{csv_path} cannot be read: {error}; expected a CSV file in UTF-8 with {_EXPECTED}; "
            "check what the path leads to"
        ) from error


def _locate(folder: Path, name: str) -> Path:
    beside = folder / "images" / name
    return beside if beside.exists() or not (folder / name).exists() else folder / name
