"""Statements that read and write what a user taught a library, for export and import: words, judgements, versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from indexer.catalog.constructs import streaming
from indexer.catalog.schema import (
    IMPRESSION_HITS,
    IMPRESSIONS,
    JUDGEMENTS,
    PRIVATE_WORDS,
    QUERIES,
    VERSIONS,
    WORD_EXAMPLES,
)
from indexer.catalog.statements.export_records import Record, count_rows

_PAGE = 100
"""Rows that are held together: an example has a picture, and a version has weights."""

Ids = dict[int, int]
"""Ids in this library by id in the export."""


def export_rows(connection: Connection, table: Table) -> Iterator[Record]:
    """Yield all rows of a table in the order of its key; of the versions, only adapters."""
    statement = select(table).order_by(*table.primary_key.columns)
    adapters = set[int]()
    for page in (
        connection.execute(statement, execution_options=streaming(connection, _PAGE)).mappings().partitions(_PAGE)
    ):
        for row in map(dict, page):
            if table is VERSIONS:
                if row["kind"] != "adapter":
                    continue
                adapters.add(row["id"])
                row["parent_id"] = row["parent_id"] if row["parent_id"] in adapters else None
            yield row


def count_knowledge(connection: Connection) -> dict[str, int]:
    """Return how many private words, judgements and versions there are."""
    tables = {"private words": PRIVATE_WORDS, "judgements": JUDGEMENTS, "learned versions": VERSIONS}
    return {name: count_rows(connection, table) for name, table in tables.items()}


def count_fine_tuned(connection: Connection) -> int:
    """Return how many versions are fine-tuned encoders."""
    is_fine_tuned = (VERSIONS.c.kind == "lora") & VERSIONS.c.name.is_not(None)
    return connection.scalar(select(func.count()).select_from(VERSIONS).where(is_fine_tuned)) or 0


def import_words(connection: Connection, rows: Iterable[Record]) -> tuple[Ids, int]:
    """Add private words that the library lacks; return the ids of all, and how many are new."""
    existing = {row.word.casefold(): row.id for row in connection.execute(select(PRIVATE_WORDS))}
    return _add(connection, PRIVATE_WORDS, rows, existing, lambda row: row["word"].casefold())


def import_examples(connection: Connection, rows: Iterable[Record], words: Ids) -> None:
    """Add example photos of private words, unless the word has the same file."""
    columns = select(WORD_EXAMPLES.c.word_id, WORD_EXAMPLES.c.content_hash)
    existing = {tuple(row) for row in connection.execute(columns)}
    moved = (_without_id(row) | {"word_id": words[row["word_id"]]} for row in rows)
    _insert(connection, WORD_EXAMPLES, _new(moved, existing, ("word_id", "content_hash")))


def import_queries(connection: Connection, rows: Iterable[Record]) -> Ids:
    """Add queries that the library lacks, and return the ids of all."""
    existing = {row.key: row.id for row in connection.execute(select(QUERIES.c.key, QUERIES.c.id))}
    return _add(connection, QUERIES, rows, existing, lambda row: row["key"])[0]


def import_impressions(connection: Connection, rows: Iterable[Record], hits: Iterable[Record], queries: Ids) -> Ids:
    """Add impressions that the library lacks, with their hits, and return the ids of all."""
    existing: dict[tuple[int, str, datetime], list[int]] = {}
    for old in connection.execute(select(IMPRESSIONS).order_by(IMPRESSIONS.c.id)):
        existing.setdefault((old.query_id, old.fingerprint, old.shown_at), []).append(old.id)
    ids: Ids = {}
    new: Ids = {}
    for row in rows:
        values = _without_id(row) | {"query_id": queries[row["query_id"]]}
        equal = existing.get((values["query_id"], values["fingerprint"], values["shown_at"]))
        if equal:
            ids[row["id"]] = equal.pop(0)
        else:
            ids[row["id"]] = new[row["id"]] = _insert_one(connection, IMPRESSIONS, values)
    added = (hit | {"showing_id": new[hit["showing_id"]]} for hit in hits if hit["showing_id"] in new)
    _insert(connection, IMPRESSION_HITS, added)
    return ids


def import_judgements(connection: Connection, rows: Iterable[Record], queries: Ids, impressions: Ids) -> int:
    """Add judgements that the library lacks, and return how many."""
    identity = ("query_id", "path", "is_good", "judged_at")
    existing = {tuple(row) for row in connection.execute(select(*(JUDGEMENTS.c[name] for name in identity)))}
    moved = (
        _without_id(row) | {"query_id": queries[row["query_id"]], "showing_id": impressions.get(row["showing_id"])}
        for row in rows
    )
    return _insert(connection, JUDGEMENTS, _new(moved, existing, identity))


def import_versions(connection: Connection, rows: Iterable[Record], encoders: Mapping[int, int]) -> tuple[Ids, int]:
    """Add adapters that the library lacks; return the ids of all, and how many are new.

    Args:
        connection: Open connection, in a transaction.
        rows: Versions, parents first.
        encoders: Ids of encoders in this library by id in the export.
    """
    identity = ("encoder_id", "made_at", "weights")
    columns = (VERSIONS.c[name] for name in ("id", *identity))
    existing = {tuple(row)[1:]: row.id for row in connection.execute(select(*columns))}
    ids: Ids = {}
    count = 0
    for row in rows:
        parent = ids.get(row["parent_id"])
        values = _without_id(row) | {"encoder_id": encoders[row["encoder_id"]], "parent_id": parent}
        key = tuple(values[name] for name in identity)
        if key not in existing:
            existing[key] = _insert_one(connection, VERSIONS, values)
            count += 1
        ids[row["id"]] = existing[key]
    return ids, count


def _add(
    connection: Connection, table: Table, rows: Iterable[Record], existing: dict[Any, int], key: Any
) -> tuple[Ids, int]:
    """Insert the rows whose key does not exist; return the ids of all, and how many are new."""
    ids: Ids = {}
    count = 0
    for row in rows:
        if key(row) not in existing:
            existing[key(row)] = _insert_one(connection, table, _without_id(row))
            count += 1
        ids[row["id"]] = existing[key(row)]
    return ids, count


def _new(rows: Iterable[Record], existing: set[tuple[Any, ...]], identity: tuple[str, ...]) -> Iterator[Record]:
    """Yield the rows that the library did not have before; equal rows of one export are all new."""
    return (row for row in rows if tuple(row[name] for name in identity) not in existing)


def _without_id(row: Record) -> Record:
    return {name: value for name, value in row.items() if name != "id"}


def _insert_one(connection: Connection, table: Table, values: Record) -> int:
    return int(connection.scalars(insert(table).values(**values).returning(table.c.id)).one())


def _insert(connection: Connection, table: Table, rows: Iterator[Record]) -> int:
    """Insert rows page by page, and return how many."""
    count = 0
    while page := list(islice(rows, _PAGE)):
        connection.execute(insert(table), page)
        count += len(page)
    return count
