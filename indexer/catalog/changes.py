"""Statements that change items with what belongs to them; each takes an open connection, in a transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from indexer.catalog.models import EMBEDDINGS, ITEMS, TAGS, UNITS
from indexer.catalog.queries import STORED
from indexer.types import Modality, Vectors


def set_stat(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note new file facts of items whose content is the same.

    Args:
        connection: Open connection, in a transaction.
        rows: Each with key (the item's id), path, size, mtime_ns, source_id and file_time, which replaces `taken_at`
            where that was the file's time before.
    """
    facts = [
        {name: value for name, value in row.items() if name != "file_time"} | {"name": name_of(row["path"])}
        for row in rows
    ]
    connection.execute(update(ITEMS).where(ITEMS.c.id == bindparam("key")), facts)
    times = update(ITEMS).where(ITEMS.c.id == bindparam("key"), ITEMS.c.taken_from == "file")
    connection.execute(
        times.values(taken_at=bindparam("file_time")),
        [{"key": row["key"], "file_time": row["file_time"]} for row in rows],
    )


def remove_items(connection: Connection, ids: Iterable[int]) -> None:
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
        | {"name": name_of(row.get("picture") or row["path"])}
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
        ids = connection.scalars(insert(ITEMS).returning(ITEMS.c.id, sort_by_parameter_order=True), new).all()
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
    units = connection.scalars(insert(UNITS).returning(UNITS.c.id, sort_by_parameter_order=True), rows).all()
    stored = vectors.astype(STORED)
    connection.execute(
        insert(EMBEDDINGS),
        [
            {"unit_id": unit, "encoder_id": encoder_id, "vector": row.tobytes()}
            for unit, row in zip(units, stored, strict=True)
        ],
    )


def copy_item(connection: Connection, item_id: int, values: dict[str, Any]) -> None:
    """Save an item with the same content as another: its facts and embeddings are taken over, nothing is encoded."""
    taken = [column for column in ITEMS.c if column.name not in values and column.name != "id"]
    facts = connection.execute(select(*taken).where(ITEMS.c.id == item_id)).mappings().one()
    tags = connection.scalars(select(TAGS.c.tag).where(TAGS.c.item_id == item_id)).all()
    (copy_id,) = save_items(connection, [dict(facts) | values | {"tags": tags}])
    kept = (UNITS.c.position, UNITS.c.kind, UNITS.c.text)
    for unit in connection.execute(select(UNITS.c.id, *kept).where(UNITS.c.item_id == item_id)).mappings().all():
        values = {"item_id": copy_id} | {column.name: unit[column.name] for column in kept}
        copied = connection.scalar(insert(UNITS).values(values).returning(UNITS.c.id))
        vectors = select(EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector, EMBEDDINGS.c.mapped).where(
            EMBEDDINGS.c.unit_id == unit["id"]
        )
        for row in connection.execute(vectors).mappings().all():
            connection.execute(insert(EMBEDDINGS).values(unit_id=copied, **row))


def name_of(path: str) -> str:
    """Return an item's name in lower case, as text that any database keeps: what is no valid text is replaced."""
    return os.fsencode(os.path.basename(path.partition("\0")[0])).decode(errors="replace").lower()
