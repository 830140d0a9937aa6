"""Statements that read and write whole rows, for export and import of libraries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, exists, func, insert, null, select, update

from indexer.catalog.backend import full_text
from indexer.catalog.constructs import folded, streaming
from indexer.catalog.schema import EMBEDDINGS, ENCODERS, ITEMS, LABELS, PLACES, SOURCES, UNITS, VERSIONS
from indexer.catalog.statements import added_items
from indexer.catalog.statements.encoders import active_encoder
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.statements.sources import add_source, enclosing_source, sources
from indexer.catalog.statements.writes import insert_tuples, insert_with_ids

Record = dict[str, Any]
"""Columns of a row by name. An item also has the lists of `LABELS`, a unit `vectors`: stored bytes by encoder id."""


def export_encoders(connection: Connection) -> list[Record]:
    """Return the encoders that the library has embeddings or adapters of; `active` tells which is the active one."""
    has_embeddings = exists().where(EMBEDDINGS.c.encoder_id == ENCODERS.c.id, EMBEDDINGS.c.mapped.is_(False))
    has_adapters = exists().where(VERSIONS.c.encoder_id == ENCODERS.c.id, VERSIONS.c.kind == "adapter")
    active = active_encoder(connection)
    rows = connection.execute(select(ENCODERS).where(has_embeddings | has_adapters).order_by(ENCODERS.c.id)).mappings()
    return [dict(row) | {"active": active is not None and row["id"] == active.id} for row in rows]


def export_sources(connection: Connection) -> list[Record]:
    """Return all sources, ordered by path, without their mounts: those of another machine say nothing there."""
    rows = connection.execute(select(SOURCES).order_by(SOURCES.c.root)).mappings()
    return [dict(row) | {"mounts": None} for row in rows]


def export_items(connection: Connection) -> Iterator[Record]:
    """Yield all items with their labels, ordered by id."""
    for page in (
        connection.execute(select(ITEMS).order_by(ITEMS.c.id), execution_options=streaming(connection))
        .mappings()
        .partitions(PAGE_SIZE)
    ):
        first, last = page[0]["id"], page[-1]["id"]
        labels = {name: _labels_between(connection, column, first, last) for name, column in LABELS.items()}
        for row in page:
            yield dict(row) | {name: by_item.get(row["id"], []) for name, by_item in labels.items()}


def _labels_between(connection: Connection, column: Column[str], first: int, last: int) -> dict[int, list[str]]:
    """Return the labels of one kind of the items with these ids, by item, without places by their positions."""
    item_id = column.table.c.item_id
    labels = select(item_id, column).where(item_id.between(first, last)).order_by(item_id, folded(column))
    if column.table is PLACES:
        labels = labels.where(PLACES.c.origin.is_(None))  # the importing library names them itself
    rows = connection.execute(labels).all()
    return {id_: [text for _, text in of_item] for id_, of_item in itertools.groupby(rows, lambda row: row[0])}


def export_units(connection: Connection) -> Iterator[Record]:
    """Yield all units with their embeddings, except approximate ones, ordered by item and position."""
    encoded = and_(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.mapped.is_(False))
    statement = (
        select(UNITS, EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector)
        .join_from(UNITS, EMBEDDINGS, encoded, isouter=True)
        .order_by(UNITS.c.item_id, UNITS.c.position)
    )
    pages = connection.execute(statement, execution_options=streaming(connection)).mappings().partitions(PAGE_SIZE)
    for _, rows in itertools.groupby(itertools.chain.from_iterable(pages), lambda row: row["id"]):
        unit: Record = {}
        for row in rows:
            unit = unit or {column.name: row[column.name] for column in UNITS.c} | {"vectors": {}}
            if row["encoder_id"] is not None:
                unit["vectors"][row["encoder_id"]] = row["vector"]
        yield unit


def count_rows(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def import_encoder(connection: Connection, record: Mapping[str, Any]) -> tuple[int, int]:
    """Return id and dimension of the encoder with a record's fingerprint, adding it if it is new."""
    existing = select(ENCODERS.c.id, ENCODERS.c.dim).where(ENCODERS.c.fingerprint == record["fingerprint"])
    row = connection.execute(existing).first()
    if row is None:
        id_ = connection.scalars(insert(ENCODERS).values(dict(record)).returning(ENCODERS.c.id)).one()
        return id_, record["dim"]
    return row.id, row.dim


def import_source(connection: Connection, record: Mapping[str, Any]) -> None:
    """Add the source or collection of a record, unless there is one at its root, which stays unchanged."""
    if record.get("collection") is not None:
        added_items.collection_id(connection, record["collection"])
        return
    if any(source.root == record["root"] for source in sources(connection)):
        return
    rules = {name: record[name] for name in ("exclude", "include_hidden")}
    enclosing = enclosing_source(connection, record["root"])
    added = add_source(connection, record["root"], **rules, enclosing=enclosing)
    values = {column.name: record[column.name] for column in SOURCES.c if record.get(column.name) is not None}
    local = {"synced_at": None, "mounts": null()}
    connection.execute(update(SOURCES).where(SOURCES.c.id == added.id).values(values | local))


def source_ids(connection: Connection) -> dict[str, int]:
    """Return the ids of sources and collections by root."""
    return {row.root: row.id for row in connection.execute(select(SOURCES.c.root, SOURCES.c.id))}


def import_sync_time(connection: Connection, record: Mapping[str, Any]) -> None:
    """Store the time at which a source was synced elsewhere, unless it was synced here."""
    never_synced = and_(SOURCES.c.root == record["root"], SOURCES.c.synced_at.is_(None))
    connection.execute(update(SOURCES).where(never_synced).values(synced_at=record.get("synced_at")))


def existing_paths(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Return the paths among `paths` that have an item in the catalog."""
    return set(connection.scalars(select(ITEMS.c.path).where(ITEMS.c.path.in_(paths))))


def import_units(connection: Connection, units: Sequence[Record]) -> None:
    """Insert units, with their embeddings, of items that have no units.

    Args:
        connection: Open connection, in a transaction.
        units: Records without `id`, all with the same columns.
    """
    if not units:
        return
    rows = [{name: value for name, value in unit.items() if name != "vectors"} for unit in units]
    ids = insert_with_ids(connection, UNITS, rows)
    words = [(id_, unit["text"]) for id_, unit in zip(ids, units, strict=True)]
    full_text(connection).add_unit_words(connection, words)
    embeddings = [
        (id_, encoder_id, vector)
        for id_, unit in zip(ids, units, strict=True)
        for encoder_id, vector in unit["vectors"].items()
    ]
    insert_tuples(connection, EMBEDDINGS, ("unit_id", "encoder_id", "vector"), embeddings)
