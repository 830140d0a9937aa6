"""Statements that write the metadata of added items, by which filters find them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from indexer.catalog.schema import ITEMS, METADATA_KEYS, METADATA_VALUES
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.statements.writes import insert_tuples

Metadata = Mapping[str, Any]
"""Values by key: str, int, float, bool, list[str], or None for an unknown value."""


_TYPES: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "text", list: "list"}


def types_of(metadata: Metadata) -> dict[str, str]:
    """Return the types of the keys that have a value, as `METADATA_KEYS` has them."""
    return {key: _TYPES[type(value)] for key, value in metadata.items() if value is not None}


def key_types(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the types of keys that values have been stored of."""
    names = list(keys)
    types: dict[str, str] = {}
    for start in range(0, len(names), PAGE_SIZE):
        page = METADATA_KEYS.c.key.in_(names[start : start + PAGE_SIZE])
        types |= {row.key: row.type for row in connection.execute(select(METADATA_KEYS).where(page))}
    return types


def is_used(connection: Connection, key: str, *, besides: Collection[int] = ()) -> bool:
    """Return whether any item has a value of a key, besides some."""
    of_others = (METADATA_VALUES.c.key == key, METADATA_VALUES.c.item_id.not_in(list(besides)[:PAGE_SIZE]))
    return bool(connection.scalar(select(exists().where(*of_others))))


def binding_types(
    connection: Connection, given: Sequence[Mapping[str, str]], *, besides: Collection[int]
) -> dict[str, str]:
    """Return the types that new values of some keys must have, without those that only replaced items have.

    Args:
        connection: Open connection.
        given: The types of the new values, of each item.
        besides: The items that are replaced, or whose metadata is.
    """
    types = key_types(connection, {key for of_item in given for key in of_item})
    differing = {
        key
        for of_item in given
        if not of_item.items() <= types.items()
        for key, type_ in of_item.items()
        if types.get(key, type_) != type_
    }
    unused = {key for key in differing if not is_used(connection, key, besides=besides)}
    return {key: type_ for key, type_ in types.items() if key not in unused}


def paths_with(connection: Connection, key: str) -> list[str]:
    """Return the paths in the catalog of the items that have a value of a key."""
    of_key = select(METADATA_VALUES.c.item_id).where(METADATA_VALUES.c.key == key)
    return list(connection.scalars(select(ITEMS.c.path).where(ITEMS.c.id.in_(of_key))))


def save_key_types(connection: Connection, types: Mapping[str, str]) -> None:
    """Store the types of keys, in place of earlier ones."""
    known = key_types(connection, types)
    new = [{"key": key, "type": type_} for key, type_ in types.items() if key not in known]
    if new:
        connection.execute(insert(METADATA_KEYS), new)
    for key, type_ in types.items():
        if known.get(key, type_) != type_:
            connection.execute(update(METADATA_KEYS).where(METADATA_KEYS.c.key == key).values(type=type_))


def save_values(connection: Connection, metadata: Sequence[tuple[int, Metadata]]) -> None:
    """Write the values of items that have none, given as pairs (item id, metadata)."""
    rows = [row for item_id, values in metadata for key, value in values.items() for row in _rows(item_id, key, value)]
    insert_tuples(connection, METADATA_VALUES, ("item_id", "key", "position", "text", "number"), rows)


def delete_values(connection: Connection, item_ids: Sequence[int]) -> None:
    """Delete the values of items."""
    for start in range(0, len(item_ids), PAGE_SIZE):
        page = METADATA_VALUES.c.item_id.in_(item_ids[start : start + PAGE_SIZE])
        connection.execute(delete(METADATA_VALUES).where(page))


def _rows(item_id: int, key: str, value: Any) -> list[tuple[int, str, int, str | None, float | None]]:
    """Return the rows of a value: one, one for each text of a list, none for None."""
    if value is None:
        return []
    if isinstance(value, str):
        return [(item_id, key, 0, value, None)]
    if isinstance(value, int | float):
        return [(item_id, key, 0, None, float(value))]
    return [(item_id, key, position, text, None) for position, text in enumerate(value)]
