"""Export and import of judgements as JSON lines or CSV."""

from __future__ import annotations

import csv
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy import Connection

from indexer.catalog.statements import judgements, sources
from indexer.catalog.statements.judgements import Judgement
from indexer.errors import FeedbackError, QueryError
from indexer.store import Store
from indexer.types import file_of, utc_now
from retrieval.feedback.stored_query import query_from_parts, query_key, query_name, query_parts
from retrieval.query.query import Query

logger = logging.getLogger(__name__)

VERDICTS = {"good": True, "1": True, "yes": True, "y": True, "true": True} | {
    "bad": False, "0": False, "no": False, "n": False, "false": False,
}  # fmt: skip
COLUMNS = ("query", "path", "verdict")
"""Columns that a table must have."""

OPTIONAL_COLUMNS = ("position", "judged_at")

LOGGED = 5
"""Rejected lines that are logged; the report names all of them."""

POSITION_LIMIT = 2**31
"""Positions are below this limit; SQLite's integers are larger."""


@dataclass(slots=True)
class JudgementImport:
    """What an import of judgements did.

    Attributes:
        added: New judgements.
        existing: Judgements that the library already had.
        missing: New judgements of files that are not in the library. They are stored, and count when the files are
            indexed.
        rejected: Lines that could not be read, as line number and reason.
    """

    added: int = 0
    existing: int = 0
    missing: int = 0
    rejected: list[str] = field(default_factory=list)


_FORMULA = re.compile("'*\\s*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""Beginnings of a cell that a spreadsheet may run (OWASP, CSV injection; the last four are full-width forms),
and of those that look escaped already."""


class _Row(NamedTuple):
    """One judgement of a file."""

    parts: dict[str, Any]
    path: str
    is_good: bool
    judged_at: datetime | None
    position: int | None
    impression: object  # any value that the file uses to tell impressions apart
    fingerprint: str


def judgement_record(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as a JSON object."""
    return {
        "query": query_name(judgement.parts),
        "parts": dict(judgement.parts),
        "path": judgement.path,
        "verdict": "good" if judgement.is_good else "bad",
        "showing": judgement.impression_id,
        "position": judgement.position,
        "fingerprint": judgement.fingerprint,
        "judged_at": judgement.judged_at.isoformat(),
    }


def export_judgements(store: Store, stream: IO[str], *, as_csv: bool = False) -> int:
    """Write all judgements, oldest first, and return how many were written.

    CSV has one column for the query, so judgements of queries other than one text are left out, and a warning says how
    many.
    """
    writer = csv.writer(stream)
    if as_csv:
        writer.writerow((*COLUMNS, *OPTIONAL_COLUMNS))
    count = skipped = 0
    with store.reading() as connection:
        for judgement in judgements.judgements(connection):
            record = judgement_record(judgement)
            if as_csv and (judgement.parts["images"] or judgement.parts["weights"] != [1.0]):
                skipped += 1
                continue
            if as_csv:
                writer.writerow([_csv_cell(record[name]) for name in (*COLUMNS, *OPTIONAL_COLUMNS)])
            else:
                stream.write(json.dumps(record) + "\n")
            count += 1
    if skipped:
        logger.warning(
            "judgements left out: %d (CSV holds queries of one text only); export to a .jsonl file for all", skipped
        )
    return count


def import_judgements(store: Store, file: Path) -> JudgementImport:
    """Import judgements from a CSV file or JSON lines, and return a report; existing judgements are skipped.

    Args:
        store: The library; its write lock must be held.
        file: A `.csv` file with the columns query (a text), path and verdict (good or bad), and optionally position
            (rank among the hits, from 1) and judged_at; or JSON lines as exported.

    Raises:
        FeedbackError: The file cannot be read, or none of its lines can be used.
    """
    report = JudgementImport()
    try:
        # paths may not be UTF-8 and are kept as bytes; texts must be, see `_parse_record`
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            rows = list(_read_rows(stream, report, is_csv=file.suffix.lower() == ".csv"))
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FeedbackError(f"{file} cannot be read ({reason}); expected CSV or JSON lines in UTF-8") from error
    if not rows:
        reason = f"; {report.rejected[0]}" if report.rejected else "; it is empty"
        raise FeedbackError(f"{file} has no judgement that can be used{reason}")
    for rejected in report.rejected[:LOGGED]:
        logger.warning("skipped %s", rejected)
    if len(report.rejected) > LOGGED:
        logger.warning("skipped %d more lines", len(report.rejected) - LOGGED)
    with store.transaction() as connection:
        existing = {
            (query_key(judgement.parts), judgement.path, judgement.is_good, judgement.judged_at)
            for judgement in judgements.judgements(connection)
        }
        _add_rows(connection, rows, existing, report)
    return report


def _add_rows(
    connection: Connection,
    rows: Sequence[_Row],
    existing: set[tuple[str, str, bool, datetime]],
    report: JudgementImport,
) -> None:
    existing_undated = {identity[:3] for identity in existing}
    impressions = _Impressions(connection)
    records = []
    for row in rows:
        row_path = row.path if "\0" in row.path else sources.canonical_path(connection, row.path)
        item = judgements.find_item(connection, row_path)
        path, content_hash = (item[1], item[2]) if item else (row_path, None)
        undated = (query_key(row.parts), path, row.is_good)
        if (*undated, row.judged_at) in existing if row.judged_at else undated in existing_undated:
            report.existing += 1
            continue
        time = row.judged_at or utc_now()
        existing.add((*undated, time))
        existing_undated.add(undated)
        report.added += 1
        report.missing += item is None
        query_id = judgements.add_query(connection, undated[0], row.parts)
        records.append(
            {
                "query_id": query_id,
                "showing_id": impressions.add(query_id, row, path),
                "path": path,
                "content_hash": content_hash,
                "is_good": row.is_good,
                "judged_at": time,
            }
        )
    judgements.add_judgements(connection, records)


class _Impressions:
    """Impressions of the imported judgements, with the hits that were judged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: dict[tuple[int, object, str], tuple[int, dict[int, str]]] = {}

    def add(self, query_id: int, row: _Row, path: str) -> int | None:
        """Return the impression that a row's item was shown in, with the item added; None if it was not shown.

        Rows that name no impression belong to the same one, until two files have the same position: then another
        impression begins.
        """
        if row.position is None:
            return None
        key = (query_id, row.impression, row.fingerprint)
        id_, paths = self._added.get(key, (None, {}))
        if id_ is None or paths.get(row.position, path) != path:
            id_, paths = judgements.add_impression(self._connection, query_id, row.fingerprint, ()), {}
            self._added[key] = (id_, paths)
        paths[row.position] = path
        judgements.add_impression_hit(self._connection, id_, row.position, path)
        return id_


def _read_rows(stream: IO[str], report: JudgementImport, *, is_csv: bool) -> Iterator[_Row]:
    """Yield the judgement of each line; lines that cannot be used are added to the report."""
    for number, line in _lines(stream, is_csv=is_csv):
        try:
            yield _parse_record(json.loads(line) if isinstance(line, str) else line)
        except (ValueError, TypeError, KeyError, OverflowError, FeedbackError, QueryError) as error:
            report.rejected.append(f"line {number}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return why a line cannot be used."""
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}; expected query, path and verdict"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON ({error.msg}); expected an object with query, path and verdict"
    return str(error) or repr(error)


def _lines(stream: IO[str], *, is_csv: bool) -> Iterator[tuple[int, str | Mapping[str, str]]]:
    if not is_csv:
        yield from ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
        return
    reader = csv.DictReader(stream)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FeedbackError(f"the table has no column {' and no column '.join(missing)}; expected {', '.join(COLUMNS)}")
    for row in reader:
        yield reader.line_num, {name: _from_csv_cell(cell) for name, cell in row.items()}


def _csv_cell(value: object) -> object:
    """Return a value as a cell that no spreadsheet takes for a formula: with an apostrophe before what could be one."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _from_csv_cell(cell: Any) -> Any:
    """Return the value of a cell that `_csv_cell` made."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _parse_record(record: Mapping[str, Any]) -> _Row:
    if not isinstance(record, Mapping):
        raise TypeError("the line is not an object with query, path and verdict")
    query = query_from_parts(record["parts"]) if record.get("parts") else Query([str(record["query"])])
    for text in query.texts:
        text.encode()  # raises if the table is in another encoding: then its bytes are not a text
    verdict = str(record["verdict"]).strip().lower()
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict is {record['verdict']!r}; expected good or bad")
    path = record["path"]
    if not isinstance(path, str) or not file_of(path):
        raise ValueError(f"the path is {path!r}; expected the path of a file")
    os.fsencode(path)
    impression, fingerprint = record.get("showing"), record.get("fingerprint") or ""
    return _Row(
        query_parts(query),
        path,
        VERDICTS[verdict],
        _parse_time(record.get("judged_at")),
        _parse_position(record.get("position")),
        impression if isinstance(impression, int | str) else None,
        fingerprint if isinstance(fingerprint, str) else "",
    )


def _parse_time(value: Any) -> datetime | None:
    """Return a time in UTC without a zone, as the catalog stores it; a time without a zone is taken as UTC."""
    if not value:
        return None
    time = datetime.fromisoformat(value)
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _parse_position(value: Any) -> int | None:
    if value is None or value == "":
        return None
    message = f"the position is {value!r}; expected a whole number from 1 on, or nothing"
    try:
        position = int(str(value))
    except ValueError:
        raise ValueError(message) from None
    if not 1 <= position < POSITION_LIMIT:
        raise ValueError(message)
    return position
