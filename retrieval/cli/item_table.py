"""Items as a table, JSON lines or paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.cli.output import OutputFormat, print_json, print_path
from retrieval.cli.table import Cell, Column, print_table

if TYPE_CHECKING:
    from retrieval import Item


def print_items(items: Sequence[Item], output: OutputFormat) -> None:
    """Print items; nothing for none."""
    if output == "json":
        for item in items:
            print_json(item.to_dict())
    elif output == "table":
        if items:
            _print_table(items)
    else:
        for item in items:
            print_path(item.path, output)


def _print_table(items: Sequence[Item]) -> None:
    columns: dict[Column, Sequence[str | Cell]] = {
        Column("taken"): [f"{item.taken_at:%Y-%m-%d}" if item.taken_at else "" for item in items],
        Column("rating"): ["" if item.rating is None else str(item.rating) for item in items],
        Column("camera", "end"): [item.camera or "" for item in items],
        Column("file" if any(item.kind == "text" for item in items) else "photo", "middle"): [
            Cell(_place(item), item.path) for item in items
        ],
    }
    print_table(tuple(columns), list(zip(*columns.values(), strict=True)))


def _place(item: Item) -> str:
    """Return where an item is; of a table's row without a picture its id too."""
    return f"{item.path} row {item.row}" if item.row is not None and item.kind == "text" else str(item.path)
