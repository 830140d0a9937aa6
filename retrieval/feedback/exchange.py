"""Judgements out of a library and into one, as JSON lines or CSV."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection

from indexer.catalog import feedback, sources
from indexer.catalog.encoders import now
from indexer.catalog.feedback import Judgement
from indexer.errors import FeedbackError, QueryError
from indexer.store import Store
from indexer.types import file_of
from retrieval.feedback.asked import key_of, name_of, parts_of, query_from
from retrieval.query import Query

logger = logging.getLogger(__name__)

VERDICTS = {"good": True, "1": True, "yes": True, "y": True, "true": True} | {
    "bad": False, "0": False, "no": False, "n": False, "false": False,
}  # fmt: skip
COLUMNS = ("query", "path", "verdict")
LISTED = 5


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        added: Judgements that are new.
        known: Judgements that the library had.
        unknown: Judgements of files that it does not hold: they are kept, and count when the files come.
        refused: What could not be read, as line and reason.
    """

    added: int = 0
    known: int = 0
    unknown: int = 0
    refused: list[str] = field(default_factory=list)


def as_record(judged: Judgement) -> dict[str, Any]:
    """Return a judgement as values that json can write."""
    return {
        "query": name_of(judged.parts),
        "parts": dict(judged.parts),
        "path": judged.path,
        "verdict": "good" if judged.is_good else "bad",
        "position": judged.position,
        "fingerprint": judged.fingerprint,
        "judged_at": judged.judged_at.isoformat(),
    }


def export_judgements(store: Store, stream: IO[str], *, as_csv: bool = False) -> int:
    """Write all judgements, oldest first, and return how many; CSV leaves out what only other programs need."""
    writer = csv.writer(stream)
    if as_csv:
        writer.writerow((*COLUMNS, "judged_at"))
    count = 0
    with store.reading() as connection:
        for judged in feedback.judgements(connection):
            record = as_record(judged)
            if as_csv:
                if judged.parts["images"] or judged.parts["weights"] != [1.0]:
                    continue  # no column of words can say it
                writer.writerow([record[name] for name in (*COLUMNS, "judged_at")])
            else:
                stream.write(json.dumps(record) + "\n")
            count += 1
    return count


def import_judgements(store: Store, file: Path) -> Imported:
    """Bring in judgements of a CSV file or of JSON lines; those that the library has are passed over.

    Args:
        store: The library; its write lock must be held.
        file: `.csv` with the columns query (words), path and verdict (good or bad), or JSON lines as exported.

    Raises:
        FeedbackError: The file cannot be read, or no line of it can be used.
    """
    report = Imported()
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            found = list(_read(stream, report, is_csv=file.suffix.lower() == ".csv"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedbackError(f"{file} cannot be read ({error}); expected CSV or JSON lines in UTF-8") from error
    if not found:
        first = f"; {report.refused[0]}" if report.refused else ""
        raise FeedbackError(f"{file} has no judgement that can be used{first}")
    with store.transaction() as connection:
        known = {
            (key_of(each.parts), each.path, each.is_good, each.judged_at) for each in feedback.judgements(connection)
        }
        _add(connection, found, known, report)
    return report


def _add(
    connection: Connection,
    found: Iterable[tuple[dict[str, Any], str, bool, datetime | None]],
    known: set[tuple[str, str, bool, datetime]],
    report: Imported,
) -> None:
    undated = {each[:3] for each in known}
    rows = []
    for parts, name, is_good, moment in found:
        item = feedback.item_at(connection, sources.known_place(connection, name) if "\0" not in name else name)
        path, content = (item[1], item[2]) if item else (name, None)
        key = key_of(parts)
        if (key, path, is_good, moment) in known if moment else (key, path, is_good) in undated:
            report.known += 1
            continue
        known.add((key, path, is_good, moment or now()))
        undated.add((key, path, is_good))
        report.added += 1
        report.unknown += item is None
        rows.append(
            {
                "query_id": feedback.keep_query(connection, key, parts),
                "showing_id": None,
                "path": path,
                "content_hash": content,
                "is_good": is_good,
                "judged_at": moment or now(),
            }
        )
    feedback.add_judgements(connection, rows)


def _read(
    stream: IO[str], report: Imported, *, is_csv: bool
) -> Iterator[tuple[dict[str, Any], str, bool, datetime | None]]:
    """Yield parts, path, verdict and moment of each line; what cannot be used goes to the report."""
    for number, line in _lines(stream, is_csv=is_csv):
        try:
            yield _judgement(json.loads(line) if isinstance(line, str) else line)
        except (ValueError, TypeError, KeyError, FeedbackError, QueryError) as error:
            report.refused.append(f"line {number}: {error if str(error) else repr(error)}")
            if len(report.refused) <= LISTED:
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


def _judgement(record: Mapping[str, Any]) -> tuple[dict[str, Any], str, bool, datetime | None]:
    if not isinstance(record, Mapping):
        raise TypeError("it is no object with query, path and verdict")
    query = query_from(record["parts"]) if record.get("parts") else Query([str(record["query"])])
    verdict = str(record["verdict"]).strip().lower()
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict is {record['verdict']!r}; expected good or bad")
    path = record["path"]
    if not isinstance(path, str) or not file_of(path):
        raise ValueError(f"the path is {path!r}; expected that of a file")
    moment = datetime.fromisoformat(record["judged_at"]) if record.get("judged_at") else None
    return parts_of(query), path, VERDICTS[verdict], moment
