"""Statements that save copies of items, which have the content of their originals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, insert, select

from indexer.catalog.backend import full_text
from indexer.catalog.schema import EMBEDDINGS, ITEMS, LABELS, OUTDATED_METADATA, UNITS
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.statements.writes import FALLBACKS, insert_with_ids, save_items


def copy_items(connection: Connection, copies: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Save items with the content of other items, copying their metadata, units and embeddings.

    Args:
        connection: Open connection, in a transaction.
        copies: For each copy, the id of its original and its own columns, all with the same names; file_time replaces
            `taken_at` if the original has the modification time of its file there.
    """
    if not copies:
        return
    originals = list({item_id for item_id, _ in copies})
    copied_columns = [
        column for column in ITEMS.c if column.name not in copies[0][1] or column.name in ("id", "taken_from")
    ]
    items = {row["id"]: row for row in _select_in(connection, select(*copied_columns), ITEMS.c.id, originals)}
    labels = {
        name: _group_by(_select_in(connection, select(of.table), of.table.c.item_id, originals), "item_id")
        for name, of in LABELS.items()
    }
    for places in labels["places"].values():  # those by position are written for the copy, too
        places[:] = [row for row in places if row["origin"] is None]
    rows = [
        _copy_columns(items[item_id], values)
        | {name: [row[LABELS[name].name] for row in rows.get(item_id, ())] for name, rows in labels.items()}
        for item_id, values in copies
    ]
    copy_ids = save_items(connection, rows)
    _copy_units(connection, [(item_id, copy_id) for (item_id, _), copy_id in zip(copies, copy_ids, strict=True)])
    of_original = select(OUTDATED_METADATA.c.item_id)
    outdated = {row["item_id"] for row in _select_in(connection, of_original, OUTDATED_METADATA.c.item_id, originals)}
    marks = [{"item_id": id_} for (original, _), id_ in zip(copies, copy_ids, strict=True) if original in outdated]
    if marks:
        connection.execute(insert(OUTDATED_METADATA), marks)


def _copy_units(connection: Connection, item_ids: Sequence[tuple[int, int]]) -> None:
    """Copy units and embeddings of items, given as pairs (original, copy)."""
    originals = list({original for original, _ in item_ids})
    ordered = select(UNITS).order_by(UNITS.c.position)
    units = _group_by(_select_in(connection, ordered, UNITS.c.item_id, originals), "item_id")
    unit_ids = [unit["id"] for item_units in units.values() for unit in item_units]
    vectors = _group_by(_select_in(connection, select(EMBEDDINGS), EMBEDDINGS.c.unit_id, unit_ids), "unit_id")
    copied = [(unit, copy_id) for original, copy_id in item_ids for unit in units.get(original, ())]
    if copied:
        ids = insert_with_ids(connection, UNITS, [_without_id(unit) | {"item_id": copy_id} for unit, copy_id in copied])
        words = [(id_, unit["text"]) for id_, (unit, _) in zip(ids, copied, strict=True)]
        full_text(connection).add_unit_words(connection, words)
        embeddings = [
            _without_id(row) | {"unit_id": id_}
            for id_, (unit, _) in zip(ids, copied, strict=True)
            for row in vectors.get(unit["id"], ())
        ]
        if embeddings:
            connection.execute(insert(EMBEDDINGS), embeddings)


def _copy_columns(original: RowMapping, values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a copy: those of its original, updated with its own."""
    row = _without_id(original) | {name: value for name, value in values.items() if name != "fallback_date"}
    if row["taken_from"] in FALLBACKS:
        row["taken_at"], row["taken_from"] = values["fallback_date"]
    return row


def _select_in(
    connection: Connection, statement: Select[Any], column: Column[int], ids: Sequence[int]
) -> Iterator[RowMapping]:
    for start in range(0, len(ids), PAGE_SIZE):
        yield from connection.execute(statement.where(column.in_(ids[start : start + PAGE_SIZE]))).mappings()


def _group_by(rows: Iterable[RowMapping], name: str) -> dict[int, list[RowMapping]]:
    groups: dict[int, list[RowMapping]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def _without_id(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
