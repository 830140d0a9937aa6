"""Tables, and the rows that a library has from them."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval import Library
from tests.support.contents import rows

ROWS: list[dict[str, Any]] = [
    {"id": "a", "caption": "a red house", "image": "red.png", "note": "first"},
    {"id": "b", "caption": "a lime parrot", "image": "", "note": "second"},
    {"id": "c", "caption": "", "image": "sub/blue.png", "note": ""},
]
COLUMNS: dict[str, Any] = {"text_columns": ["caption"], "image_column": "image", "id_column": "id"}


def write_table(path: Path, table: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows with the same columns in the format of the path's suffix, and return the path."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
    elif path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist([dict(row) for row in table]), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    return path


def row_units(library: Library) -> list[tuple[Any, ...]]:
    """Return the row, item kind, picture's name, unit kind and text of every unit."""
    units = rows(
        library,
        "SELECT path, modality, picture, kind, units.text FROM items JOIN units ON item_id = items.id "
        "ORDER BY items.path, position",
    )
    return [
        (path.split(b"\0")[1].decode(), modality, picture and Path(os.fsdecode(picture)).name, kind, text)
        for path, modality, picture, kind, text in units
    ]


def row_failures(library: Library) -> dict[str | None, str]:
    """Return the kind of failure of each row that failed."""
    return {failure.row: failure.kind for failure in library.failures()}
