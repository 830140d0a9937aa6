"""What a user taught a library, in an export: a Parquet file for each table of words, judgements and versions.

A file is written only if its table has rows; exports of earlier versions have none. Every row is validated before
anything is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from indexer.catalog.schema import (
    IMPRESSION_HITS,
    IMPRESSIONS,
    JUDGEMENTS,
    PRIVATE_WORDS,
    QUERIES,
    VERSIONS,
    WORD_EXAMPLES,
)
from indexer.catalog.statements import encoders, index_settings, versions
from indexer.catalog.statements import knowledge as statements
from indexer.catalog.statements.export_records import Record
from indexer.catalog.statements.index_settings import IndexSettings
from indexer.encoders.adapter import Adapter
from indexer.errors import RecallError, TransferError
from indexer.transfer.added_items import checked_path
from indexer.transfer.parquet import Layout, TableWriter, count_rows, read_rows
from indexer.transfer.path_mapping import PathMapping, validate_path
from indexer.transfer.report import ExportReport, ImportReport

TABLES = {
    "words.parquet": PRIVATE_WORDS,
    "word_examples.parquet": WORD_EXAMPLES,
    "queries.parquet": QUERIES,
    "impressions.parquet": IMPRESSIONS,
    "impression_hits.parquet": IMPRESSION_HITS,
    "judgements.parquet": JUDGEMENTS,
    "versions.parquet": VERSIONS,
}
"""The tables by the names of their files, each after those that it refers to."""

_REFERENCES = {
    "word_id": "words.parquet",
    "query_id": "queries.parquet",
    "showing_id": "impressions.parquet",
    "parent_id": "versions.parquet",
}
"""The file that a column refers to."""

_ROW_GROUP = 100
"""Rows that are buffered before they are written: examples have pictures."""

_MAX_PICTURE = 4 << 20
"""Largest example picture in bytes; Recall writes 512 pixels a side, below 300 kB."""

_MAX_POSITION = 2**31
"""Positions of hits are below this."""


class Checks(NamedTuple):
    """Functions that refuse what this library could not use; each raises a RecallError, ValueError or TypeError.

    Attributes:
        word: Returns a private word as the library stores it.
        query: Returns the key and the parts of a query, from its parts.
        report: Checks a tuning report.
    """

    word: Callable[[str], str]
    query: Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]
    report: Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a user taught the exported library.

    Attributes:
        folder: The export.
        files: The files of `TABLES` that it has.
        mapping: Translates paths.
        checks: What the library can use.
        encoders: Ids of the encoders in the export by the names of their columns.
        dims: Dimensions of the encoders by these ids.
        active_version: Id of the active version in the export; None if none was active, or none is exported.
        index: Requirements for the index; None if there were none.
    """

    folder: Path
    files: tuple[str, ...]
    mapping: PathMapping
    checks: Checks
    encoders: Mapping[str, int] = field(default_factory=dict)
    dims: Mapping[int, int] = field(default_factory=dict)
    active_version: int | None = None
    index: IndexSettings | None = None

    def rows(self, name: str) -> Iterator[Record]:
        """Yield the valid rows of a file, none if the export lacks it.

        Raises:
            TransferError: The file is damaged, or a row cannot be used.
        """
        if name not in self.files:
            return
        file = self.folder / name
        for row in read_rows(file, Layout(list(TABLES[name].c), vectors={})):
            try:
                yield self._valid(name, row)
            except (RecallError, ValueError, TypeError, KeyError, OverflowError) as error:
                raise TransferError(f"{file} has a row that cannot be used ({error}); export it again") from error

    def check(self) -> None:
        """Read every row, and check that it refers to rows that exist.

        Raises:
            TransferError: A file is damaged, or a row cannot be used.
        """
        ids: dict[str, set[int]] = {name: set() for name in TABLES}
        for name, table in TABLES.items():
            keys: set[tuple[Any, ...]] = set()
            for row in self.rows(name):
                for column, file in _REFERENCES.items():
                    if row.get(column) is not None and row[column] not in ids[file]:
                        raise TransferError(f"{self.folder / name} refers to a missing row of {file}; export it again")
                key = tuple(row[column.name] for column in table.primary_key.columns)
                if key in keys:
                    raise TransferError(f"{self.folder / name} has two rows with the key {key}; export it again")
                keys.add(key)
                if "id" in row:
                    ids[name].add(row["id"])

    def _valid(self, name: str, row: Record) -> Record:
        """Return a row as this library stores it."""
        if row.get("path") is not None:
            row["path"] = checked_path(row["path"], name, self.mapping)
        if name == "words.parquet":
            row["word"] = self.checks.word(row["word"])
        elif name == "word_examples.parquet":
            if not row["picture"].startswith(b"\xff\xd8\xff") or len(row["picture"]) > _MAX_PICTURE:
                raise ValueError("an example is not a JPEG of at most 4 MiB")
        elif name == "queries.parquet":
            row["key"], row["parts"] = self.checks.query(self._translated(row["parts"]))
        elif name == "impression_hits.parquet":
            if not 0 < row["position"] < _MAX_POSITION:
                raise ValueError(f"the position is {row['position']}")
        elif name == "versions.parquet":
            self._check_version(row)
        return row

    def _translated(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of a query with the paths of its pictures on this machine."""
        for text in parts["texts"]:
            text.encode()  # raises if the catalog cannot store it
        images = [validate_path(self.mapping.translate(image), "picture") for image in parts["images"]]
        for image in images:
            os.fsencode(image)
        return {"texts": parts["texts"], "images": images, "weights": parts["weights"]}

    def _check_version(self, row: Record) -> None:
        """Raise if a row is not an adapter of an exported encoder, with its report."""
        if row["kind"] != "adapter" or row["encoder_id"] not in self.dims:
            raise ValueError(f"version {row['id']} is not an adapter of an encoder of this export")
        if row["weights"] is not None:
            adapter = Adapter.from_bytes(row["weights"])
            if adapter.dim != self.dims[row["encoder_id"]]:
                raise ValueError(f"version {row['id']} has {adapter.dim} dimensions")
        self.checks.report(row["receipt"])


def write_knowledge(connection: Connection, folder: Path, report: ExportReport) -> dict[str, int]:
    """Write the files of an export, and return their numbers of rows by name; what is left out is in the report."""
    counts: dict[str, int] = {}
    for name, table in TABLES.items():
        rows = statements.export_rows(connection, table)
        first = next(rows, None)
        if first is None:
            continue
        with TableWriter(folder / name, Layout(list(table.c), vectors={}), row_group=_ROW_GROUP) as writer:
            writer.add(first)
            for row in rows:
                writer.add(row)
        counts[name] = writer.rows
    report.words = counts.get("words.parquet", 0)
    report.judgements = counts.get("judgements.parquet", 0)
    report.versions = counts.get("versions.parquet", 0)
    report.left_out = {"fine-tuned encoders": statements.count_fine_tuned(connection)}
    return counts


def settings_record(connection: Connection) -> dict[str, Any]:
    """Return the active version and the requirements for the index, as JSON values."""
    settings = index_settings.read_index_settings(connection)
    return {
        "active_version": versions.active_version_id(connection),
        "index": None if settings is None else asdict(settings),
    }


def read_settings(record: Mapping[str, Any]) -> tuple[int | None, IndexSettings | None]:
    """Return what `settings_record` wrote, None and None for an export of an earlier version.

    Raises:
        ValueError: A number is out of range.
        TypeError: A value has another type.
    """
    active, stored = record.get("active_version"), record.get("index")
    if active is not None and type(active) is not int:
        raise TypeError(f"the active version is {active!r}")
    if stored is None:
        return active, None
    settings = IndexSettings(**stored)
    numbers = [number for number in (settings.memory, settings.failed) if number is not None]
    if type(settings.recall) not in (int, float) or not 0 < settings.recall <= 1:
        raise ValueError(f"the recall of the index is {settings.recall!r}")
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError(f"the requirements for the index are {stored!r}")
    return active, settings


def check_counts(folder: Path, rows: Mapping[str, int]) -> None:
    """Raise if a file does not have the number of rows that the manifest says.

    Raises:
        TransferError: It has not, or is not a Parquet file.
    """
    for name, count in rows.items():
        if count_rows(folder / name) != count:
            raise TransferError(f"{folder / name} does not have the {count:,} rows of its manifest; export it again")


def import_knowledge(
    connection: Connection, knowledge: Knowledge, report: ImportReport, encoder_ids: Mapping[int, int]
) -> None:
    """Add what the library lacks, and count it in the report; what it knows already stays as it is.

    Args:
        connection: Open connection, in a transaction.
        knowledge: What to import, after `Knowledge.check`.
        report: Its counts are increased.
        encoder_ids: Ids of encoders in this library by id in the export.
    """
    words, report.words = statements.import_words(connection, knowledge.rows("words.parquet"))
    statements.import_examples(connection, knowledge.rows("word_examples.parquet"), words)
    queries = statements.import_queries(connection, knowledge.rows("queries.parquet"))
    hits = knowledge.rows("impression_hits.parquet")
    impressions = statements.import_impressions(connection, knowledge.rows("impressions.parquet"), hits, queries)
    judgements = knowledge.rows("judgements.parquet")
    report.judgements = statements.import_judgements(connection, judgements, queries, impressions)
    had_versions = bool(versions.versions(connection))
    ids, report.versions = statements.import_versions(connection, knowledge.rows("versions.parquet"), encoder_ids)
    if knowledge.active_version in ids and not had_versions:
        _activate(connection, ids[knowledge.active_version])
    if knowledge.index is not None and index_settings.read_index_settings(connection) is None:
        index_settings.save_index_settings(connection, knowledge.index)


def _activate(connection: Connection, version_id: int) -> None:
    """Make searches use a version, if it was trained on the library's encoder."""
    active = encoders.active_encoder(connection)
    trained_on = {version.id: version.encoder_id for version in versions.versions(connection)}
    if active is not None and trained_on[version_id] == active.id:
        versions.activate_version(connection, version_id)
