"""Where an item is, for people: its file, or the id of one that has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.cli.table import Cell

if TYPE_CHECKING:
    from retrieval import Hit, Item


def has_file(item: Item | Hit) -> bool:
    """Return whether an item is a file, or was added with one."""
    from indexer.types import COLLECTION  # late: loads NumPy

    return item.collection is None or str(item.path) != f"{COLLECTION}{item.collection}"


def place(item: Item | Hit) -> str:
    """Return the path of an item's file, of a table's row without a picture its id too; else the item's id."""
    if not has_file(item):
        return item.id
    is_row = item.collection is None and item.row is not None and item.kind == "text"
    return f"{item.path} row {item.row}" if is_row else str(item.path)


def place_cell(item: Item | Hit) -> Cell:
    """Return the cell of a table with the place of an item."""
    return Cell(place(item), item.path if has_file(item) else None)


def place_head(items: Sequence[Item | Hit]) -> str:
    """Return the head of the column of the places."""
    if not all(map(has_file, items)):
        return "item"
    return "file" if any(item.kind == "text" for item in items) else "photo"
