"""Judgements out of a library and into one, as JSON lines or CSV."""

from __future__ import annotations

import csv
import json
import logging
import os
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
from retrieval.feedback.stored_query import key_of, name_of, parts_of, query_from
from retrieval.query.query import Query

logger = logging.getLogger(__name__)

VERDICTS = {"good": True, "1": True, "yes": True, "y": True, "true": True} | {
    "bad": False, "0": False, "no": False, "n": False, "false": False,
}  # fmt: skip
COLUMNS = ("query", "path", "verdict")
"""What a table needs."""

FURTHER = ("position", "judged_at")
"""What it may have."""

LISTED = 5
"""Bad lines that are named in the log; the report has all."""

MOST = 2**31
"""What no position reaches; SQLite's numbers end later."""


@dataclass(slots=True)
class JudgementImport:
    """What an import did.

    Attributes:
        added: Judgements that are new.
        existing: Judgements that the library had.
        missing: Judgements of files that it does not hold: they are kept, and count when the files come.
        rejected: What could not be read, as line and reason.
    """

    added: int = 0
    existing: int = 0
    missing: int = 0
    rejected: list[str] = field(default_factory=list)


class ImportedRow(NamedTuple):
    """One line of a file."""

    parts: dict[str, Any]
    path: str
    is_good: bool
    judged_at: datetime | None
    position: int | None
    showing: object  # whatever the file calls it
    fingerprint: str


def as_record(judged: Judgement) -> dict[str, Any]:
    """Return a judgement as values that json can write."""
    return {
        "query": name_of(judged.parts),
        "parts": dict(judged.parts),
        "path": judged.path,
        "verdict": "good" if judged.is_good else "bad",
        "showing": judged.impression_id,
        "position": judged.position,
        "fingerprint": judged.fingerprint,
        "judged_at": judged.judged_at.isoformat(),
    }


def export_judgements(store: Store, stream: IO[str], *, as_csv: bool = False) -> int:
    """Write all judgements, oldest first, and return how many.

    CSV has a column for plain words: judgements of other queries are left out, and a warning counts them.
    """
    writer = csv.writer(stream)
    if as_csv:
        writer.writerow((*COLUMNS, *FURTHER))
    count = left_out = 0
    with store.reading() as connection:
        for judged in judgements.judgements(connection):
            record = as_record(judged)
            if as_csv and (judged.parts["images"] or judged.parts["weights"] != [1.0]):
                left_out += 1
                continue
            if as_csv:
                writer.writerow([record[name] for name in (*COLUMNS, *FURTHER)])
            else:
                stream.write(json.dumps(record) + "\n")
            count += 1
    if left_out:
        logger.warning(
            "%d judgement%s left out: a table holds queries of plain words only; export into a .jsonl file for all",
            left_out, " is" if left_out == 1 else "s are",
        )  # fmt: skip
    return count


def import_judgements(store: Store, file: Path) -> JudgementImport:
    """Bring in judgements of a CSV file or of JSON lines; those that the library has are passed over.

    Args:
        store: The library; its write lock must be held.
        file: `.csv` with the columns query (words), path, verdict (good or bad), and where there are any position (its
            place among the hits, from 1) and judged_at; or JSON lines as exported.

    Raises:
        FeedbackError: The file cannot be read, or no line of it can be used.
    """
    report = JudgementImport()
    try:
        # file names need not be UTF-8, and come as they went; words have to be, see `_judgement`
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            found = list(_read(stream, report, is_csv=file.suffix.lower() == ".csv"))
    except (OSError, csv.Error) as error:
        raise FeedbackError(f"{file} cannot be read ({error}); expected CSV or JSON lines in UTF-8") from error
    if not found:
        first = f"; {report.rejected[0]}" if report.rejected else ""
        raise FeedbackError(f"{file} has no judgement that can be used{first}")
    with store.transaction() as connection:
        known = {
            (key_of(each.parts), each.path, each.is_good, each.judged_at) for each in judgements.judgements(connection)
        }
        _add(connection, found, known, report)
    return report


def _add(
    connection: Connection,
    found: Sequence[ImportedRow],
    known: set[tuple[str, str, bool, datetime]],
    report: JudgementImport,
) -> None:
    undated = {each[:3] for each in known}
    showings = _Showings(connection)
    rows = []
    for told in found:
        written = told.path if "\0" in told.path else sources.canonical_path(connection, told.path)
        item = judgements.find_item(connection, written)
        path, content = (item[1], item[2]) if item else (written, None)
        key, moment = key_of(told.parts), told.judged_at
        if (key, path, told.is_good, moment) in known if moment else (key, path, told.is_good) in undated:
            report.existing += 1
            continue
        moment = moment or utc_now()
        known.add((key, path, told.is_good, moment))
        undated.add((key, path, told.is_good))
        report.added += 1
        report.missing += item is None
        query_id = judgements.add_query(connection, key, told.parts)
        rows.append(
            {
                "query_id": query_id,
                "showing_id": showings.of(query_id, told, path),
                "path": path,
                "content_hash": content,
                "is_good": told.is_good,
                "judged_at": moment,
            }
        )
    judgements.add_judgements(connection, rows)


class _Showings:
    """The showings of a file, made anew with the places that were judged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._made: dict[tuple[int, object, str], tuple[int, dict[int, str]]] = {}

    def of(self, query_id: int, told: ImportedRow, path: str) -> int | None:
        """Return the showing in which a line's item stood at its place; None where it was not shown.

        Lines that name no showing are of one, until two files stand at the same place: then another began.
        """
        if told.position is None:
            return None
        mark = (query_id, told.showing, told.fingerprint)
        id_, places = self._made.get(mark, (None, {}))
        if id_ is None or places.get(told.position, path) != path:
            id_, places = judgements.add_impression(self._connection, query_id, told.fingerprint, ()), {}
            self._made[mark] = (id_, places)
        places[told.position] = path
        judgements.add_impression_hit(self._connection, id_, told.position, path)
        return id_


def _read(stream: IO[str], report: JudgementImport, *, is_csv: bool) -> Iterator[ImportedRow]:
    """Yield what each line says; what cannot be used goes to the report."""
    for number, line in _lines(stream, is_csv=is_csv):
        try:
            yield _judgement(json.loads(line) if isinstance(line, str) else line)
        except (ValueError, TypeError, KeyError, OverflowError, FeedbackError, QueryError) as error:
            report.rejected.append(f"line {number}: {error if str(error) else repr(error)}")
            if len(report.rejected) <= LISTED:
                logger.warning("line %d is passed over: %s", number, error)


def _lines(stream: IO[str], *, is_csv: bool) -> Iterator[tuple[int, str | Mapping[str, str]]]:
    if not is_csv:
        yield from ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
        return
    reader = csv.DictReader(stream)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FeedbackError(f"the table has no column {' and no column '.join(missing)}; expected {', '.join(COLUMNS)}")
    for row in reader:
        yield reader.line_num, row


def _judgement(record: Mapping[str, Any]) -> ImportedRow:
    if not isinstance(record, Mapping):
        raise TypeError("it is no object with query, path and verdict")
    query = query_from(record["parts"]) if record.get("parts") else Query([str(record["query"])])
    for text in query.texts:
        text.encode()  # of a table in another encoding: its bytes are no words
    verdict = str(record["verdict"]).strip().lower()
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict is {record['verdict']!r}; expected good or bad")
    path = record["path"]
    if not isinstance(path, str) or not file_of(path):
        raise ValueError(f"the path is {path!r}; expected that of a file")
    os.fsencode(path)
    showing, fingerprint = record.get("showing"), record.get("fingerprint") or ""
    return ImportedRow(
        parts_of(query),
        path,
        VERDICTS[verdict],
        _moment(record.get("judged_at")),
        _position(record.get("position")),
        showing if isinstance(showing, int | str) else None,
        fingerprint if isinstance(fingerprint, str) else "",
    )


def _moment(value: Any) -> datetime | None:
    """Return a moment in UTC, as the catalog keeps it; one without a zone is in UTC."""
    if not value:
        return None
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _position(value: Any) -> int | None:
    if value is None or value == "":
        return None
    wrong = f"the position is {value!r}; expected a whole number from 1 on, or nothing"
    try:
        position = int(str(value))
    except ValueError:
        raise ValueError(wrong) from None
    if not 1 <= position < MOST:
        raise ValueError(wrong)
    return position
