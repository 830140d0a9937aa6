"""Statements that add, change and delete items with their units, embeddings and labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from indexer.catalog.backend import full_text
from indexer.catalog.constructs import insert_new
from indexer.catalog.dialect import is_postgresql
from indexer.catalog.schema import EMBEDDINGS, ITEMS, LABELS, OUTDATED_METADATA, UNITS, UNREAD_SIDECARS
from indexer.catalog.statements.item_words import write_item_words
from indexer.catalog.statements.items import PAGE_SIZE, VECTOR_DTYPE
from indexer.catalog.statements.positions import write_positions
from indexer.catalog.text_key import text_key
from indexer.types import Modality, Vectors, collection_of

_NO_COLUMNS = {*LABELS, "unread_sidecars", "searchable"}
"""What rows have besides columns of items."""

FALLBACKS = ("name", "file")
"""Values of `taken_from` for dates that are not from the content of the file."""


def update_file_stats(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Update path and file stat of items whose content is unchanged.

    Args:
        connection: Open connection, in a transaction.
        rows: Each with key (the item's id), path, size, times, source_id and fallback_date: the values of `taken_at`
            and `taken_from` if those came from the file's name or modification time.
    """
    if not rows:
        return
    old_paths = _paths(connection, [row["key"] for row in rows])
    stats = [
        {name: value for name, value in row.items() if name != "fallback_date"} | {"name": _name_key(row["path"])}
        for row in rows
    ]
    connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), stats)
    is_fallback = or_(*(ITEMS.c.taken_from == origin for origin in FALLBACKS))  # IN cannot be executed for many rows
    dates = update(ITEMS).where(ITEMS.c.id == bindparam("key"), is_fallback)
    connection.execute(
        dates.values(taken_at=bindparam("at"), taken_from=bindparam("from")),
        [{"key": row["key"], "at": row["fallback_date"][0], "from": row["fallback_date"][1]} for row in rows],
    )
    write_item_words(connection, [row["key"] for row in rows if old_paths.get(row["key"], row["path"]) != row["path"]])


def _paths(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the paths of items by id, leaving out items that no longer exist."""
    paths: dict[int, str] = {}
    for start in range(0, len(ids), PAGE_SIZE):
        of_items = select(ITEMS.c.id, ITEMS.c.path).where(ITEMS.c.id.in_(ids[start : start + PAGE_SIZE]))
        paths |= {row.id: row.path for row in connection.execute(of_items)}
    return paths


def update_sidecar_stats(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Update the stat of sidecars whose content is unchanged; each row has key, the item's id."""
    if rows:
        hash_: ColumnElement[bytes] = func.coalesce(
            bindparam("sidecar_hash"), ITEMS.c.sidecar_hash
        )  # None: it was not read
        statement = update(ITEMS).where(ITEMS.c.id == bindparam("key")).values(sidecar_hash=hash_)
        connection.execute(statement, rows)


def delete_items(connection: Connection, ids: Iterable[int]) -> int:
    """Delete items with their units and embeddings, and return how many there were."""
    rows = [{"key": id_} for id_ in ids]
    if not rows:
        return 0
    deleted = connection.execute(delete(ITEMS).where(ITEMS.c.id == bindparam("key")), rows).rowcount
    full_text(connection).finish_deletion(connection)
    return deleted


def save_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert or replace items by path, without units, and return their ids in the order of `rows`.

    A replaced item keeps its id and loses its labels, units and embeddings, which belonged to its old content.

    Args:
        connection: Open connection, in a transaction.
        rows: Columns of items, all with the same names, and optionally lists of strings named as in `LABELS`, and
            `unread_sidecars`, a list of path, kind of failure and message.
    """
    if not rows:
        return []
    labels = {name: {row["path"]: row.get(name, ()) for row in rows} for name in LABELS}
    unread = {row["path"]: row.get("unread_sidecars", ()) for row in rows}
    rows = [
        {name: value for name, value in row.items() if name not in _NO_COLUMNS}
        | {"name": _name_key(row.get("picture") or row["path"])}
        for row in rows
    ]
    existing = select(ITEMS.c.path, ITEMS.c.id).where(ITEMS.c.path.in_([row["path"] for row in rows]))
    ids_by_path = {row.path: row.id for row in connection.execute(existing)}
    old = [row | {"key": ids_by_path[row["path"]]} for row in rows if row["path"] in ids_by_path]
    new = [row for row in rows if row["path"] not in ids_by_path]
    if old:
        for table in (UNITS, UNREAD_SIDECARS, OUTDATED_METADATA, *(column.table for column in LABELS.values())):
            _delete_of_items(connection, table, [row["key"] for row in old])
        connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), old)
    if new:
        ids = insert_with_ids(connection, ITEMS, new)
        ids_by_path |= dict(zip((row["path"] for row in new), ids, strict=True))
    for name, texts in labels.items():
        _add_labels(connection, LABELS[name], {ids_by_path[path]: values for path, values in texts.items()})
    _add_unread_sidecars(connection, {ids_by_path[path]: sidecars for path, sidecars in unread.items()})
    write_positions(connection, list(ids_by_path.values()))
    write_item_words(connection, list(ids_by_path.values()))
    return [ids_by_path[row["path"]] for row in rows]


def update_metadata(connection: Connection, rows: Sequence[dict[str, Any]], ids: Sequence[int]) -> None:
    """Replace the metadata of photos, which keep their units and embeddings; it is no longer outdated.

    Args:
        connection: Open connection, in a transaction.
        rows: As in `save_items`, each with key (the item's id) and searchable (its metadata as text).
        ids: Items whose metadata is up to date now, also those that are not in `rows` because nothing can be read.
    """
    existing = set(connection.scalars(select(ITEMS.c.id).where(ITEMS.c.id.in_([row["key"] for row in rows]))))
    rows = [row for row in rows if row["key"] in existing]  # another process may have forgotten some
    if rows:
        columns = [{name: value for name, value in row.items() if name not in _NO_COLUMNS} for row in rows]
        connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), columns)
        _delete_of_items(connection, UNREAD_SIDECARS, [row["key"] for row in rows])
        _add_unread_sidecars(connection, {row["key"]: row["unread_sidecars"] for row in rows})
        for name, column in LABELS.items():
            _delete_of_items(connection, column.table, [row["key"] for row in rows])
            _add_labels(connection, column, {row["key"]: row[name] for row in rows})
        of_photo = update(UNITS).where(UNITS.c.item_id == bindparam("key"), UNITS.c.kind == Modality.PHOTO)
        texts = [{"key": row["key"], "searchable": row["searchable"]} for row in rows]
        connection.execute(of_photo.values(text=bindparam("searchable")), texts)
        full_text(connection).renew_unit_words(connection, [row["key"] for row in rows])
        write_positions(connection, [row["key"] for row in rows])
        write_item_words(connection, [row["key"] for row in rows])
    _delete_of_items(connection, OUTDATED_METADATA, ids)


def _delete_of_items(connection: Connection, table: Any, ids: Sequence[int]) -> None:
    """Delete the rows of a table that belong to some items."""
    if ids:
        of_item = delete(table).where(table.c.item_id == bindparam("key"))
        connection.execute(of_item, [{"key": id_} for id_ in ids])


def _add_unread_sidecars(connection: Connection, sidecars: Mapping[int, Sequence[tuple[str, str, str]]]) -> None:
    """Add the sidecars that could not be read, given by item id as path, kind of failure and message."""
    names = ("path", "kind", "message")
    rows = [
        {"item_id": id_, **dict(zip(names, row, strict=True))} for id_, values in sidecars.items() for row in values
    ]
    if rows:
        connection.execute(insert(UNREAD_SIDECARS), rows)


def _add_labels(connection: Connection, column: Column[str], texts: Mapping[int, Sequence[str]]) -> None:
    """Add labels of one kind, given by item id."""
    rows = [
        {"item_id": item_id, column.name: text, "key": text_key(text)}
        for item_id, values in texts.items()
        for text in values
    ]
    if rows:
        connection.execute(insert_new(connection, column.table), rows)  # labels may differ in case only


def add_embeddings(
    connection: Connection,
    item_ids: Sequence[int],
    encoder_id: int,
    vectors: Vectors,
    *,
    kind: Modality = Modality.PHOTO,
    texts: Sequence[str | None] | None = None,
) -> None:
    """Add units with embeddings to items; several rows of one item become its units in order.

    Args:
        connection: Open connection, in a transaction.
        item_ids: The item of each row, (n,); rows of one item are adjacent.
        encoder_id: The encoder that computed the vectors.
        vectors: Unit-length vectors, shape (n, d), float32.
        kind: Kind of the units.
        texts: Chunks of texts, or searchable metadata of photos; None for nothing.
    """
    if not len(item_ids):
        return
    last_positions = dict(
        connection.execute(
            select(UNITS.c.item_id, func.max(UNITS.c.position))
            .where(UNITS.c.item_id.in_(item_ids))
            .group_by(UNITS.c.item_id)
        ).all()
    )
    rows = []
    for item_id, text in zip(item_ids, texts or [None] * len(item_ids), strict=True):
        position = last_positions[item_id] = last_positions.get(item_id, -1) + 1
        rows.append((item_id, position, kind.value, text))
    first = next_id(connection, UNITS)
    insert_tuples(
        connection,
        UNITS,
        ("id", "item_id", "position", "kind", "text"),
        [(first + number, *row) for number, row in enumerate(rows)],
    )
    full_text(connection).add_unit_words(connection, [(first + number, row[-1]) for number, row in enumerate(rows)])
    stored = vectors.astype(VECTOR_DTYPE)
    insert_tuples(
        connection,
        EMBEDDINGS,
        ("unit_id", "encoder_id", "vector"),
        [(first + number, encoder_id, row.tobytes()) for number, row in enumerate(stored)],
    )


def insert_tuples(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, given as tuples in the order of the names of columns.

    For many rows that takes half the time of `insert` with a dictionary for each.
    """
    if not rows:
        return
    dialect = connection.dialect
    if is_postgresql(connection):
        from indexer.catalog.postgresql.copy import copy_rows  # late: a folder needs nothing of it

        copy_rows(connection, table, names, rows)
        return
    statement = insert(table).values({name: bindparam(name) for name in names})
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = [list(names).index(name) for name in compiled.positiontup or names]
    processors = [_processor(table.c[names[number]], dialect) for number in order]
    if order != list(range(len(names))) or any(processors):
        columns = list(zip(*rows, strict=True))
        ordered = (
            columns[number] if process is None else [process(value) for value in columns[number]]
            for number, process in zip(order, processors, strict=True)
        )
        rows = list(zip(*ordered, strict=True))
    connection.exec_driver_sql(str(compiled), list(rows))


def _processor(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what makes the database's values of a column's values; None if they are the same."""
    if isinstance(column.type, LargeBinary):
        return None  # a driver takes bytes as they are
    process: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return process


def next_id(connection: Connection, table: Table) -> int:
    """Return the id that follows the highest one of a table."""
    return (connection.scalar(select(func.max(table.c.id))) or 0) + 1


def insert_with_ids(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows, at least one, and return their ids, which follow the highest one, in the same order.

    RETURNING would take one statement per row.
    """
    first = next_id(connection, table)
    ids = list(range(first, first + len(rows)))
    if is_postgresql(connection):
        names = list(rows[0])
        tuples = [(id_, *(row[name] for name in names)) for row, id_ in zip(rows, ids, strict=True)]
        insert_tuples(connection, table, ("id", *names), tuples)
    else:
        connection.execute(insert(table), [row | {"id": id_} for row, id_ in zip(rows, ids, strict=True)])
    return ids


def _name_key(path: str) -> str | None:
    """Return an item's file name for filters, with invalid UTF-8 replaced; None without a file."""
    if collection_of(path) is not None:
        return None
    return text_key(os.fsencode(os.path.basename(path.partition("\0")[0])).decode(errors="replace"))
