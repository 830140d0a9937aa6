"""Evaluation sets: tables of captioned pictures, or of queries and their relevant files."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from indexer.errors import EvaluationError, QueryError
from retrieval.evaluation.query_column import parse_query_cell

if TYPE_CHECKING:
    from retrieval.query.query import Query

SetKind = Literal["judgements", "captions", "queries"]

COLUMNS: dict[SetKind, tuple[str, ...]] = {
    "judgements": ("image", "caption", "yes", "no"),
    "captions": ("image", "caption"),
    "queries": ("query", "relevant"),
}
"""Required columns of each kind of set."""

MAX_GRADE = 100
"""trec_eval allocates a counter for every possible grade."""

_EXPECTED = "the columns " + ", or ".join(",".join(columns) for columns in COLUMNS.values())


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture of an evaluation set.

    Attributes:
        path: The file; it may be missing or damaged.
        captions: Descriptions of the picture, at least one.
    """

    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and its relevant files.

    Attributes:
        name: The query as written in the table.
        query: The query; the file of a query picture may be missing or damaged.
        relevant: The files that answer it, at least one, with their grades, 1 or more.
    """

    name: str
    query: Query
    relevant: dict[Path, int]


class JudgedPair(NamedTuple):
    """A photo and a caption with the votes of people: how many call it right, and how many do not."""

    image: str
    caption: str
    yes: int
    no: int


def set_kind(csv_path: Path) -> SetKind:
    """Return the kind of set in a table, by its columns; the first of `COLUMNS` if it has those of several.

    Raises:
        EvaluationError: The table does not exist, or has the columns of neither kind.
    """
    columns, _ = _read(csv_path)
    if {"yes", "no"} & set(columns):
        return "judgements"  # also if another column is missing, which is said when it is read
    for kind, required in COLUMNS.items():
        if set(required) <= set(columns):
            return kind
    raise EvaluationError(
        f"{csv_path} has the columns {', '.join(columns) or '(none)'}; expected {_EXPECTED} in its first line"
    )


def read_captions(csv_path: Path, split: str | None = None) -> list[CaptionedPicture]:
    """Return the pictures of an evaluation set in the order of their first line.

    Args:
        csv_path: Table with the columns image and caption, and optionally split. A picture is searched for in
            `images/` next to the table, then by its path from the table.
        split: Only the rows with this value in the column split; None for all.

    Raises:
        EvaluationError: The table does not exist, lacks a column, or has no usable row.
    """
    captions: dict[str, list[str]] = {}
    for _, name, caption, _ in _lines(csv_path, "captions", split):
        if name and caption:
            captions.setdefault(name, []).append(caption)
    if not captions:
        raise _empty_set_error(csv_path, "caption", "an image and a caption", split)
    return [CaptionedPicture(locate_picture(csv_path.parent, name), tuple(group)) for name, group in captions.items()]


def read_judgements(csv_path: Path, split: str | None = None) -> list[JudgedPair]:
    """Return the judged pairs of a table in its order.

    Args:
        csv_path: Table with the columns image, caption, yes and no, and optionally split.
        split: Only the rows with this value in the column split; None for all.

    Raises:
        EvaluationError: The table does not exist, lacks a column, has a line that cannot be used, or has no rows.
    """
    pairs = []
    for number, image, caption, row in _lines(csv_path, "judgements", split):
        if image and caption:
            yes, no = (_votes(row[name], name, number, csv_path) for name in ("yes", "no"))
            if yes + no:
                pairs.append(JudgedPair(image, caption, yes, no))
    if not pairs:
        raise _empty_set_error(csv_path, "judged pair", "an image, a caption and votes", split)
    return pairs


def read_queries(csv_path: Path, split: str | None = None) -> list[JudgedQuery]:
    """Return the queries of an evaluation set in the order of their first line.

    Args:
        csv_path: Table with the columns query (see `parse_query_cell`) and relevant, and optionally grade and split.
            Several lines with one query name several relevant files, with paths from the table's folder; case and
            spaces do not make another query. A grade is a
            whole number from 1 to `MAX_GRADE`, higher for a better answer; an empty grade is 1. If a file is named
            twice for a query, the higher grade counts.
        split: Only the rows with this value in the column split; None for all.

    Raises:
        EvaluationError: The table does not exist, lacks a column, has a line that cannot be used, or has no rows.
    """
    queries: dict[tuple[tuple[object, float], ...], JudgedQuery] = {}
    for number, query, relevant, row in _lines(csv_path, "queries", split):
        if not query and not relevant:
            continue
        if not query or not relevant:
            present, missing = ("relevant", "query") if relevant else ("query", "relevant")
            raise EvaluationError(f"line {number} of {csv_path} has a {present} but no {missing}; expected both")
        if "\0" in query + relevant:
            raise EvaluationError(f"line {number} of {csv_path} contains a zero byte; remove it")
        parsed = _query(query, number, csv_path)
        grades = queries.setdefault(_identity(parsed), JudgedQuery(query, parsed, {})).relevant
        path = Path(os.path.normpath(csv_path.parent / relevant))  # a/../b.jpg is b.jpg
        grades[path] = max(_grade(row.get("grade"), number, csv_path), grades.get(path, 0))
    if not queries:
        raise _empty_set_error(csv_path, "query", "a query and a relevant file", split)
    return list(queries.values())


def normal_text(text: str) -> str:
    """Return what equal texts have in common: case, spaces and the form of Unicode do not count."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _identity(query: Query) -> tuple[tuple[object, float], ...]:
    """Return what equal queries have in common."""
    contents = [normal_text(part.content) if isinstance(part.content, str) else part.content for part in query.parts]
    return tuple(zip(contents, query.weights, strict=True))


def _query(cell: str, number: int, csv_path: Path) -> Query:
    try:
        return parse_query_cell(cell, csv_path.parent)
    except QueryError as error:
        raise EvaluationError(f"line {number} of {csv_path} cannot be used as a query: {error}") from error


def _grade(value: str | None, number: int, csv_path: Path) -> int:
    text = (value or "").strip() or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MAX_GRADE:
        raise EvaluationError(
            f"line {number} of {csv_path} has the grade {text!r}; expected a whole number from 1 to {MAX_GRADE}; "
            "remove the lines of files that do not answer the query"
        )
    return int(text)


def _votes(value: str | None, column: str, number: int, csv_path: Path) -> int:
    text = (value or "").strip() or "0"
    if not text.isdecimal():
        raise EvaluationError(
            f"line {number} of {csv_path} has {text!r} in the column {column}; expected a whole number"
        )
    return int(text)


def _empty_set_error(csv_path: Path, missing: str, expected: str, split: str | None) -> EvaluationError:
    condition = f" with split '{split}'" if split else ""
    advice = "check the name of the split, or leave out --split" if split else "add some"
    return EvaluationError(f"{csv_path} has no {missing}{condition}; expected lines with {expected}; {advice}")


def _lines(csv_path: Path, kind: SetKind, split: str | None) -> Iterator[tuple[int, str, str, dict[str, str | None]]]:
    """Yield each line of the split: its number, the values of the two columns of its kind, and the whole row."""
    required = (*COLUMNS[kind], "split") if split else COLUMNS[kind]
    columns, rows = _read(csv_path)
    missing = [name for name in required if name not in columns]
    if missing:
        raise EvaluationError(
            f"{csv_path} has the columns {', '.join(columns) or '(none)'} but not {', '.join(missing)}; "
            f"expected {','.join(required)} in its first line"
        )
    for number, row in rows:
        if split is None or row["split"] == split:
            first, second = ((row[name] or "").strip() for name in COLUMNS[kind][:2])
            yield number, first, second, row


def _read(csv_path: Path) -> tuple[Sequence[str], list[tuple[int, dict[str, str | None]]]]:
    """Return a table's columns, and its rows with the number of their last line."""
    try:
        with csv_path.open(newline="", encoding="utf-8-sig") as lines:  # Excel writes a byte order mark
            reader = csv.DictReader(lines)
            columns = [name for name in reader.fieldnames or () if name]
            return columns, [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise EvaluationError(f"there is no {csv_path}; expected a table with {_EXPECTED}; check the path") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EvaluationError(
            f"{csv_path} cannot be read: {reason}; expected a CSV file in UTF-8 with {_EXPECTED}; check the path"
        ) from error


def locate_picture(folder: Path, name: str) -> Path:
    """Return the path of a picture of a set: in `images/` next to the table, else by its path from the table."""
    in_images = folder / "images" / name
    return in_images if in_images.exists() or not (folder / name).exists() else folder / name
