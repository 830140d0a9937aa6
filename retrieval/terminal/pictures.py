"""Draws pictures in a terminal, by textual-image."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from PIL import Image
from rich.console import Console

from retrieval.terminal.graphics import Graphics

if TYPE_CHECKING:
    from types import ModuleType

_SAVE_CURSOR = "\x1b7"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as a terminal shows it.

    Attributes:
        width: Cells of each line.
        lines: The lines, each as wide.
        after: What paints over the lines, once the cursor is below the last of them; "" if the lines are the picture.
    """

    width: int
    lines: tuple[str, ...]
    after: str = ""


def draw(picture: bytes, graphics: Graphics, *, columns: int, rows: int) -> Drawn:
    """Return a picture drawn in at most so many cells; with Kitty's protocol its pixels are sent at once.

    Args:
        picture: An image file that Recall has made.
        graphics: How the terminal shows pictures.
        columns: Cells of its width, at most.
        rows: Cells of its height, at most.
    """
    image = Image.open(BytesIO(picture)).convert("RGB")
    width, height = fit(image.size, graphics.cell, columns=columns, rows=rows)
    console = Console(
        file=StringIO(),
        force_terminal=True,
        legacy_windows=False,
        color_system="truecolor" if graphics.kind == "kitty" else "auto",  # a colour is the number of the picture
        width=width,
        height=height,
    )
    with console.capture() as capture:
        console.print(_renderable(graphics)(image, width=width, height=height), end="")
    lines, mark, after = capture.get().partition(_SAVE_CURSOR)
    return Drawn(width, tuple(lines.split("\n")[:height]), mark + after)


def fit(size: tuple[int, int], cell: tuple[int, int], *, columns: int, rows: int) -> tuple[int, int]:
    """Return how many cells a picture takes, as wide and as high, if it keeps its shape.

    Args:
        size: Width and height of the picture in pixels.
        cell: Width and height of a cell in pixels.
        columns: Cells that there are beside each other.
        rows: Cells that there are below each other.
    """
    scale = min(columns * cell[0] / size[0], rows * cell[1] / size[1])
    width, height = (round(scale * pixels / of_cell) for pixels, of_cell in zip(size, cell, strict=True))
    return min(max(width, 1), columns), min(max(height, 1), rows)


def _renderable(graphics: Graphics) -> Any:
    """Return textual-image's class that draws for a terminal."""
    module = load_textual_image(graphics)
    return {"kitty": module.TGPImage, "sixel": module.SixelImage, "blocks": module.HalfcellImage}[graphics.kind]


def load_textual_image(graphics: Graphics) -> ModuleType:
    """Return textual-image's module of renderables, imported without questions to the terminal.

    Args:
        graphics: What is known of the terminal.
    """
    from textual_image._terminal import CellSize, get_cell_size  # late: nothing before a picture needs it

    vars(get_cell_size)["_result"] = CellSize(*graphics.cell)  # where it keeps the terminal's answer
    with _no_terminal():
        from textual_image import renderable
    return renderable


@contextmanager
def _no_terminal() -> Iterator[None]:
    """Hide standard output from what is imported meanwhile."""
    stream = sys.__stdout__
    setattr(sys, "__stdout__", None)  # noqa: B010 - typed as final
    try:
        yield
    finally:
        setattr(sys, "__stdout__", stream)  # noqa: B010
