"""Statements that change items with what belongs to them; each takes an open connection, in a transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, Table, bindparam, delete, func, insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ITEMS, TAGS, UNITS
from indexer.catalog.statements.items import PAGE_SIZE, VECTOR_DTYPE
from indexer.types import Modality, Vectors


def update_file_stats(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note new file facts of items whose content is the same.

    Args:
        connection: Open connection, in a transaction.
        rows: Each with key (the item's id), path, size, mtime_ns, source_id and file_time, which replaces `taken_at`
            where that was the file's time before.
    """
    facts = [
        {name: value for name, value in row.items() if name != "file_time"} | {"name": lowercase_name(row["path"])}
        for row in rows
    ]
    connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), facts)
    times = update(ITEMS).where(ITEMS.c.id == bindparam("key"), ITEMS.c.taken_from == "file")
    connection.execute(
        times.values(taken_at=bindparam("file_time")),
        [{"key": row["key"], "file_time": row["file_time"]} for row in rows],
    )


def delete_items(connection: Connection, ids: Iterable[int]) -> None:
    """Delete items with their units and embeddings."""
    rows = [{"key": id_} for id_ in ids]
    if rows:
        connection.execute(delete(ITEMS).where(ITEMS.c.id == bindparam("key")), rows)


def save_items(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert or replace items by path, without units, and return their ids in the order of `rows`.

    A replaced item keeps its id and loses its units and embeddings, which belonged to its old content, and its tags.

    Args:
        connection: Open connection, in a transaction.
        rows: Columns of items, all with the same names; beside them `tags`, a sequence of strings, where there are any.
    """
    if not rows:
        return []
    tags = {row["path"]: row.get("tags", ()) for row in rows}
    rows = [
        {name: value for name, value in row.items() if name != "tags"}
        | {"name": lowercase_name(row.get("picture") or row["path"])}
        for row in rows
    ]
    present = select(ITEMS.c.path, ITEMS.c.id).where(ITEMS.c.path.in_([row["path"] for row in rows]))
    known = {row.path: row.id for row in connection.execute(present)}
    old = [row | {"key": known[row["path"]]} for row in rows if row["path"] in known]
    new = [row for row in rows if row["path"] not in known]
    if old:
        for table in (UNITS, TAGS):
            gone = delete(table).where(table.c.item_id == bindparam("key"))
            connection.execute(gone, [{"key": row["key"]} for row in old])
        connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), old)
    if new:
        ids = insert_with_ids(connection, ITEMS, new)
        known |= dict(zip((row["path"] for row in new), ids, strict=True))
    tagged = [{"item_id": known[path], "tag": tag} for path, each in tags.items() for tag in each]
    if tagged:
        connection.execute(insert(TAGS).prefix_with("OR IGNORE"), tagged)  # the same in small and in capitals
    return [known[row["path"]] for row in rows]


def add_embeddings(
    connection: Connection,
    item_ids: Sequence[int],
    encoder_id: int,
    vectors: Vectors,
    *,
    kind: Modality = Modality.PHOTO,
    texts: Sequence[str | None] | None = None,
) -> None:
    """Give items units and these their embeddings; several rows of one item are its units in their order.

    Args:
        connection: Open connection, in a transaction.
        item_ids: The item of each row; an item's rows stand together, (n,).
        encoder_id: The encoder that made the vectors.
        vectors: Unit vectors, shape (n, d), float32.
        kind: What the units are.
        texts: Of texts the chunks, of photos what is said about them; None where there is nothing.
    """
    if not len(item_ids):
        return
    used = dict(
        connection.execute(
            select(UNITS.c.item_id, func.max(UNITS.c.position))
            .where(UNITS.c.item_id.in_(item_ids))
            .group_by(UNITS.c.item_id)
        ).all()
    )
    rows: list[dict[str, Any]] = []
    for item_id, text in zip(item_ids, texts or [None] * len(item_ids), strict=True):
        used[item_id] = used.get(item_id, -1) + 1
        rows.append({"item_id": item_id, "position": used[item_id], "kind": kind, "text": text})
    units = insert_with_ids(connection, UNITS, rows)
    stored = vectors.astype(VECTOR_DTYPE)
    connection.execute(
        insert(EMBEDDINGS),
        [
            {"unit_id": unit, "encoder_id": encoder_id, "vector": row.tobytes()}
            for unit, row in zip(units, stored, strict=True)
        ],
    )


def copy_items(connection: Connection, copies: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Save items with the same content as others: facts and embeddings are taken over, nothing is encoded.

    Args:
        connection: Open connection, in a transaction.
        copies: Of each the item whose content it has, and its own columns, all with the same names; with file_time,
            which replaces `taken_at` where that is the time of the other's file.
    """
    if not copies:
        return
    originals = list({item_id for item_id, _ in copies})
    taken = [column for column in ITEMS.c if column.name not in copies[0][1] or column.name in ("id", "taken_from")]
    facts = {row["id"]: row for row in _of(connection, select(*taken), ITEMS.c.id, originals)}
    tags = _grouped(_of(connection, select(TAGS), TAGS.c.item_id, originals), "item_id")
    units = _grouped(_of(connection, select(UNITS).order_by(UNITS.c.position), UNITS.c.item_id, originals), "item_id")
    unit_ids = [unit["id"] for each in units.values() for unit in each]
    vectors = _grouped(_of(connection, select(EMBEDDINGS), EMBEDDINGS.c.unit_id, unit_ids), "unit_id")
    rows = [
        _copy(facts[item_id], values) | {"tags": [tag["tag"] for tag in tags.get(item_id, ())]}
        for item_id, values in copies
    ]
    copied = [
        (unit, copy_id)
        for copy_id, (item_id, _) in zip(save_items(connection, rows), copies, strict=True)
        for unit in units.get(item_id, ())
    ]
    new_units = [_but_id(unit) | {"item_id": copy_id} for unit, copy_id in copied]
    if new_units:
        ids = insert_with_ids(connection, UNITS, new_units)
        embeddings = [
            _but_id(row) | {"unit_id": id_}
            for id_, (unit, _) in zip(ids, copied, strict=True)
            for row in vectors.get(unit["id"], ())
        ]
        if embeddings:
            connection.execute(insert(EMBEDDINGS), embeddings)


def _copy(facts: RowMapping, own: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a copy: what its original's content says, and what is its own."""
    row = _but_id(facts) | {name: value for name, value in own.items() if name != "file_time"}
    return row | ({"taken_at": own["file_time"]} if row["taken_from"] == "file" else {})


def _of(
    connection: Connection, statement: Select[Any], column: Column[int], ids: Sequence[int]
) -> Iterator[RowMapping]:
    for start in range(0, len(ids), PAGE_SIZE):
        yield from connection.execute(statement.where(column.in_(ids[start : start + PAGE_SIZE]))).mappings()


def _grouped(rows: Iterable[RowMapping], name: str) -> dict[int, list[RowMapping]]:
    groups: dict[int, list[RowMapping]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def _but_id(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def insert_with_ids(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows, at least one, and return their ids in the same order; these are the next ones, as SQLite gives them.

    To be told them by RETURNING would take a statement for each row.
    """
    first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
    ids = list(range(first, first + len(rows)))
    connection.execute(insert(table), [row | {"id": id_} for row, id_ in zip(rows, ids, strict=True)])
    return ids


def lowercase_name(path: str) -> str:
    """Return an item's name in lower case, as text that any database keeps: what is no valid text is replaced."""
    return os.fsencode(os.path.basename(path.partition("\0")[0])).decode(errors="replace").lower()
