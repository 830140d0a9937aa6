"""A table with a picture next to each row, which is printed as a block of lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from retrieval.cli import terminal
from retrieval.cli.table import Cell, Column, print_table
from retrieval.cli.text import display_width, shorten_end, shorten_middle, visible, wrap

if TYPE_CHECKING:
    from retrieval.terminal.pictures import Drawn

_GAP = "  "

_NARROWEST = 12
"""Cells that a value keeps next to its name."""

_REASON_LINES = 4
"""Lines that say why there is no picture, at most."""


@dataclass(frozen=True, slots=True)
class PictureColumn:
    """The pictures of a table.

    Attributes:
        width: Cells of the widest.
        pictures: For each row its picture, or why there is none; "" for a text. They are drawn when they are taken.
    """

    width: int
    pictures: Iterator[Drawn | str]


def print_rows(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], pictures: PictureColumn | None) -> None:
    """Print a table, or with pictures a block for each row: the picture, and next to it names and values."""
    if pictures is None:
        print_table(columns, rows)
        return
    room = (terminal.width(sys.stdout) or terminal.DEFAULT_WIDTH) - pictures.width - len(_GAP)
    for row in rows:  # not together with the pictures, which are drawn when their row comes
        _print_block(next(pictures.pictures), _fields(columns, row, room), pictures.width)


def _print_block(picture: Drawn | str, fields: list[str], width: int) -> None:
    """Print a picture, with lines next to it, and an empty line."""
    if isinstance(picture, str):
        lines, after, used = _reason(picture, width), "", width
    else:
        lines, after, used = list(picture.lines), picture.after, picture.width
    shown = [
        left + " " * (width - used) + _GAP + right if right else left
        for left, right in zip_longest(lines, fields, fillvalue=None)
        for left, right in [(" " * used if left is None else left, right or "")]
    ]
    click.echo("\n".join(shown), color=True)
    if after:  # it is painted from the line below the picture
        below = len(shown) - len(lines)
        click.echo(_moved(below, "A") + after + _moved(below, "B"), nl=False, color=True)
    click.echo()


def _moved(lines: int, direction: str) -> str:
    """Return the sequence that moves the cursor up (A) or down (B)."""
    return f"\x1b[{lines}{direction}" if lines else ""


def _reason(text: str, width: int) -> list[str]:
    """Return why there is no picture in a few lines of the same width; an empty one for a text."""
    lines = wrap(visible(text), width)
    if len(lines) > _REASON_LINES:
        lines = [*lines[: _REASON_LINES - 1], shorten_end(" ".join(lines[_REASON_LINES - 1 :]), width)]
    return [line + " " * (width - display_width(line)) for line in lines]


def _fields(columns: Sequence[Column], row: Sequence[str | Cell], room: int) -> list[str]:
    """Return the values of a row that are not empty, each under the name of its column, in lines of `room` cells."""
    cells = [Cell(cell) if isinstance(cell, str) else cell for cell in row]
    pairs = [(column, cell) for column, cell in zip(columns, cells, strict=True) if cell.text]
    widest = max((display_width(column.name) for column, _ in pairs), default=0)
    lines = []
    for column, (text, path) in pairs:
        left = max(_NARROWEST, room - widest - len(_GAP))
        value = shorten_middle(visible(text), left) if column.fit == "middle" else shorten_end(visible(text), left)
        name = column.name + " " * (widest - display_width(column.name))
        lines.append(terminal.style(name, "1", sys.stdout) + _GAP + terminal.link(value, path))
    return lines
