"""Items as a table, JSON lines or paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retrieval.cli.item_place import has_file, place_cell, place_head
from retrieval.cli.messages import note
from retrieval.cli.output import OutputFormat, print_json, print_path
from retrieval.cli.picture_table import PictureColumn, print_rows
from retrieval.cli.table import Cell, Column
from retrieval.cli.text import plural

if TYPE_CHECKING:
    from retrieval import Item

_EXCERPT = 60
"""Characters of a text in the table; JSON has all of it."""


def print_items(items: Sequence[Item], output: OutputFormat, pictures: PictureColumn | None = None) -> None:
    """Print items, in a table with their pictures if there are any; nothing for none."""
    if output == "json":
        for item in items:
            print_json(item.to_dict())
    elif output == "table":
        if items:
            _print_table(items, pictures)
    else:
        files = [item for item in items if has_file(item)]
        for item in files:
            print_path(item.path, output)
        if len(files) < len(items):
            note(f"recall: {plural(len(items) - len(files), 'item')} without a file left out; --json shows them")


def _print_table(items: Sequence[Item], pictures: PictureColumn | None) -> None:
    columns: dict[Column, Sequence[str | Cell]] = {
        Column("taken"): [f"{item.taken_at:%Y-%m-%d}" if item.taken_at else "" for item in items],
        Column("rating"): ["" if item.rating is None else str(item.rating) for item in items],
        Column("camera", "end"): [item.camera or "" for item in items],
        Column("collection", "end"): [item.collection or "" for item in items],
        Column("id", "end"): [item.id if item.collection and has_file(item) else "" for item in items],
        Column(place_head(items), "middle"): [place_cell(item) for item in items],
        Column("text", "end"): [excerpt(item.text) for item in items],
        Column("metadata", "end"): [_metadata(item.metadata) for item in items],
    }
    print_rows(tuple(columns), list(zip(*columns.values(), strict=True)), pictures)


def excerpt(text: str | None) -> str:
    """Return the beginning of a text on one line; "" for none."""
    words = " ".join((text or "").split())
    return words if len(words) <= _EXCERPT else f"{words[: _EXCERPT - 1].rstrip()}…"


def _metadata(metadata: Mapping[str, Any]) -> str:
    """Return metadata in one line, without unknown values."""
    known = ((key, value) for key, value in metadata.items() if value is not None)
    return ", ".join(f"{key}={_value(value)}" for key, value in known)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else str(value)
