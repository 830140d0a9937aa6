"""The contents of a catalog without row ids, to compare libraries after an export and an import."""

from __future__ import annotations

from typing import Any

import numpy as np

from indexer.catalog.schema import ITEMS, METADATA, UNITS
from retrieval import Library
from tests.support.contents import Place, catalog_file, rows
from tests.support.postgresql_rows import StoredVector

TABLES = ("encoders", "sources", "items", "tags", "people", "places", "units", "embeddings")

EDGE_VALUES: dict[str, list[Any]] = {
    "INTEGER": [0, -1, 2**62],
    "VARCHAR": ["", "two\nlines", "naïve ✓ \U0001f600", "nul\0inside"],
    "BLOB": [b"", b"\xff\xfe\0", bytes(32)],
    "DATETIME": ["2024-05-01 12:00:00.000000", "0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"],
    "DOUBLE": [0.1, -90.0, 1e-300],
}
"""Edge cases for each column type, as SQLite stores them."""

FIXED_COLUMNS = {"id", "source_id", "item_id", "path", "picture", "name", "modality", "kind", "position"}
"""Columns that the rest of the catalog depends on."""

ADDED_COLUMNS = {"items.uri", "items.text", "items.metadata"}
"""Columns that only added items have a value in."""

LOCAL_COLUMNS = {"ctime_ns", "sidecar_ctime_ns", "mounts"}
"""Columns that say nothing on another machine; an import leaves them empty."""


def read_catalog(library: Place | Library) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table with all columns; ids are replaced by the keys of their rows."""
    tables = {table: _all_columns(library, table) for table in TABLES}
    names = {
        "source_id": {row["id"]: row["root"] for row in tables["sources"]},
        "item_id": {row["id"]: row["path"] for row in tables["items"]},
        "encoder_id": {row["id"]: row["fingerprint"] for row in tables["encoders"]},
    }
    names["unit_id"] = {row["id"]: (names["item_id"][row["item_id"]], row["position"]) for row in tables["units"]}
    without_ids = {
        table: [
            {
                name: names[name][value] if name in names else value
                for name, value in row.items()
                if name != "id" and name not in LOCAL_COLUMNS
            }
            for row in content
        ]
        for table, content in tables.items()
    }
    return {table: sorted(content, key=repr) for table, content in without_ids.items()}


def _all_columns(library: Place | Library, table: str) -> list[dict[str, Any]]:
    names = [column.name for column in METADATA.tables[table].columns]
    return [dict(zip(names, row, strict=True)) for row in rows(library, f"SELECT {', '.join(names)} FROM {table}")]  # noqa: S608


def fill_every_column(library: Place | Library) -> set[str]:
    """Fill every column of items and units, including future ones, with edge cases and return the column names."""
    filled = set()
    for table in (ITEMS, UNITS):
        ids = [row[0] for row in rows(library, f"SELECT id FROM {table.name} ORDER BY id")]  # noqa: S608
        for column in table.c:
            if column.name in FIXED_COLUMNS or str(column) in ADDED_COLUMNS:
                continue
            kind = str(column.type).split("(", maxsplit=1)[0]
            for number, id_ in enumerate(ids):
                value = EDGE_VALUES[kind][number % len(EDGE_VALUES[kind])]
                if isinstance(value, str) and catalog_file(library) is None:
                    value = value.replace("\0", "\ufffd")  # as the catalog stores it in PostgreSQL, which has no NUL
                rows(library, f"UPDATE {table.name} SET {column.name} = ? WHERE id = ?", value, id_)  # noqa: S608
            filled.add(f"{table.name}.{column.name}")
    return filled


def stored_vector(*numbers: float) -> StoredVector:
    """Return a vector as the catalog stores it."""
    return StoredVector(np.array(numbers, "<f2").tobytes())
