"""Tables for people: columns aligned; on a terminal no wider than it, elsewhere as wide as their cells."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

import click

from retrieval.cli import terminal
from retrieval.cli.text import display_width, shorten_end, shorten_middle, visible, wrap

_GAP = "  "

_NARROWEST = 12
"""Columns of the terminal that a narrowed column of the table keeps."""


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What it shows.
        path: The file that it links to where the terminal shows links; None for no link.
    """

    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its head.
        fit: What happens to its cells on a narrow terminal: "keep" leaves them whole, "middle" and "end" replace that
            part by an ellipsis, "wrap" breaks them into lines.
    """

    name: str
    fit: Literal["keep", "middle", "end", "wrap"] = "keep"


def print_table(head: Sequence[str | Column], rows: Iterable[Sequence[str | Cell]]) -> None:
    """Print rows under a head; control characters in cells are made visible, and empty columns are left out.

    A table that cannot be narrowed enough for the terminal is printed as a block of lines for each row.
    """
    columns = [Column(column) if isinstance(column, str) else column for column in head]
    cells = [[_cell(cell) for cell in row] for row in rows]
    filled = [not cells or any(row[place].text for row in cells) for place in range(len(columns))]
    columns, cells = list(compress(columns, filled)), [list(compress(row, filled)) for row in cells]
    widths = _widths(columns, cells, terminal.width(sys.stdout))
    if widths is None:
        for number, row in enumerate(cells):
            click.echo("\n" * (number > 0), nl=False)
            print_fields((column.name, cell) for column, cell in zip(columns, row, strict=True) if cell.text)
        return
    names = [shorten_end(column.name, width) for column, width in zip(columns, widths, strict=True)]
    _print_line(names, [terminal.style(name, "1", sys.stdout) for name in names], widths)
    for row in cells:
        _print_row(row, columns, widths)


def print_fields(fields: Iterable[tuple[str, str | Cell]]) -> None:
    """Print names and values, a pair a line; on a terminal a long value continues on the next lines."""
    pairs = [[Cell(name), _cell(value)] for name, value in fields]
    width = max((display_width(name.text) for name, _ in pairs), default=0)
    columns = terminal.width(sys.stdout)
    for pair in pairs:
        room = display_width(pair[1].text) if columns is None else max(_NARROWEST, columns - width - len(_GAP))
        _print_row(pair, [Column(""), Column("", "wrap")], [width, room])


def _cell(value: str | Cell) -> Cell:
    text, path = (value, None) if isinstance(value, str) else value
    return Cell(visible(text), path)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], limit: int | None) -> list[int] | None:
    """Return the width of each column, None where they do not fit into `limit` together."""
    widths = [
        max(display_width(text) for text in (column.name, *(row[place].text for row in rows)))
        for place, column in enumerate(columns)
    ]
    if limit is None:
        return widths
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
    while excess > 0:
        widest = max(
            (place for place, column in enumerate(columns) if column.fit != "keep" and widths[place] > _NARROWEST),
            key=widths.__getitem__,
            default=None,
        )
        if widest is None:
            return None
        widths[widest] -= 1
        excess -= 1
    return widths


def _print_row(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int]) -> None:
    fitted = [_fitted(cell.text, column.fit, width) for cell, column, width in zip(row, columns, widths, strict=True)]
    for texts in zip_longest(*fitted, fillvalue=""):
        shown = [terminal.link(text, cell.path) for text, cell in zip(texts, row, strict=True)]
        _print_line(texts, shown, widths)


def _fitted(text: str, fit: str, width: int) -> list[str]:
    """Return the lines that show a text in a column."""
    if fit == "wrap":
        return wrap(text, width)
    if fit == "keep":
        return [text]
    return [shorten_middle(text, width) if fit == "middle" else shorten_end(text, width)]


def _print_line(texts: Sequence[str], shown: Sequence[str], widths: Sequence[int]) -> None:
    """Print one line of a table.

    Args:
        texts: Its cells.
        shown: The same with escape sequences, which take no room.
        widths: Of the columns.
    """
    line = ""
    for text, part, width in zip(texts, shown, widths, strict=True):
        line += part + " " * (width - display_width(text)) + _GAP
    click.echo(line.rstrip())
