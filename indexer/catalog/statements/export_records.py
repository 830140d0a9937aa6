"""Whole records out and in, with every column, for a library that moves; each statement takes an open connection."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, func, insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ENCODERS, ITEMS, SOURCES, TAGS, UNITS
from indexer.catalog.statements.encoders import active_encoder
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.statements.sources import add_source, enclosing_source, sources
from indexer.catalog.statements.writes import insert_with_ids

Record = dict[str, Any]
"""Columns of a row by name; an item also has `tags`, a unit `vectors`: the stored bytes by encoder id."""


def export_encoders(connection: Connection) -> list[Record]:
    """Return the encoders that the library holds embeddings of, and whether each is the `active` one."""
    used = exists().where(EMBEDDINGS.c.encoder_id == ENCODERS.c.id, EMBEDDINGS.c.mapped.is_(False))
    active = active_encoder(connection)
    rows = connection.execute(select(ENCODERS).where(used).order_by(ENCODERS.c.id)).mappings()
    return [dict(row) | {"active": active is not None and row["id"] == active.id} for row in rows]


def export_sources(connection: Connection) -> list[Record]:
    """Return all sources by path."""
    return [dict(row) for row in connection.execute(select(SOURCES).order_by(SOURCES.c.root)).mappings()]


def export_items(connection: Connection) -> Iterator[Record]:
    """Yield all items with their tags, by id."""
    for page in connection.execute(select(ITEMS).order_by(ITEMS.c.id)).mappings().partitions(PAGE_SIZE):
        between = TAGS.c.item_id.between(page[0]["id"], page[-1]["id"])
        tagged = connection.execute(select(TAGS.c.item_id, TAGS.c.tag).where(between).order_by(TAGS.c.item_id)).all()
        tags = {id_: [row.tag for row in rows] for id_, rows in itertools.groupby(tagged, lambda row: row.item_id)}
        for row in page:
            yield dict(row) | {"tags": tags.get(row["id"], [])}


def export_units(connection: Connection) -> Iterator[Record]:
    """Yield all units with their embeddings, by item and position; mapped ones stand for nothing and are left out."""
    own = and_(EMBEDDINGS.c.unit_id == UNITS.c.id, EMBEDDINGS.c.mapped.is_(False))
    statement = (
        select(UNITS, EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector)
        .join_from(UNITS, EMBEDDINGS, own, isouter=True)
        .order_by(UNITS.c.item_id, UNITS.c.position)
    )
    pages = connection.execute(statement).mappings().partitions(PAGE_SIZE)
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
    """Return id and dimensions of the encoder with a record's fingerprint, which is added where it is new."""
    known = select(ENCODERS.c.id, ENCODERS.c.dim).where(ENCODERS.c.fingerprint == record["fingerprint"])
    row = connection.execute(known).first()
    if row is None:
        id_ = connection.scalars(insert(ENCODERS).values(dict(record)).returning(ENCODERS.c.id)).one()
        return id_, record["dim"]
    return row.id, row.dim


def import_source(connection: Connection, record: Mapping[str, Any]) -> None:
    """Add a source with the rules of a record, unless there is one at its root, which stays as it is."""
    if any(source.root == record["root"] for source in sources(connection)):
        return
    rules = {name: record[name] for name in ("exclude", "include_hidden")}
    former = enclosing_source(connection, record["root"])
    added = add_source(connection, record["root"], **rules, former=former)
    values = {column.name: record[column.name] for column in SOURCES.c if record.get(column.name) is not None}
    connection.execute(update(SOURCES).where(SOURCES.c.id == added.id).values(values | {"synced_at": None}))


def source_ids(connection: Connection) -> dict[str, int]:
    """Return the id of each source by its root."""
    return {source.root: source.id for source in sources(connection)}


def import_sync_time(connection: Connection, record: Mapping[str, Any]) -> None:
    """Note when a source was synced elsewhere, where it was not synced here."""
    mine = and_(SOURCES.c.root == record["root"], SOURCES.c.synced_at.is_(None))
    connection.execute(update(SOURCES).where(mine).values(synced_at=record.get("synced_at")))


def existing_paths(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Return those of the paths that the catalog has an item at."""
    return set(connection.scalars(select(ITEMS.c.path).where(ITEMS.c.path.in_(paths))))


def import_units(connection: Connection, units: Sequence[Record]) -> None:
    """Insert units of items that have none, with their embeddings.

    Args:
        connection: Open connection, in a transaction.
        units: Columns of units without `id`, all with the same names, and `vectors`.
    """
    if not units:
        return
    rows = [{name: value for name, value in unit.items() if name != "vectors"} for unit in units]
    ids = insert_with_ids(connection, UNITS, rows)
    embeddings = [
        {"unit_id": id_, "encoder_id": encoder_id, "vector": vector}
        for id_, unit in zip(ids, units, strict=True)
        for encoder_id, vector in unit["vectors"].items()
    ]
    if embeddings:
        connection.execute(insert(EMBEDDINGS), embeddings)
