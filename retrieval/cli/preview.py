"""`--preview` and `--open`: pictures next to the results, and the first one in the system's viewer."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from indexer.errors import MissingPackageError
from retrieval.cli import terminal
from retrieval.cli.item_place import has_file
from retrieval.cli.messages import note
from retrieval.cli.output import OutputFormat
from retrieval.cli.picture_table import PictureColumn

if TYPE_CHECKING:
    from retrieval import Hit, Item, Library
    from retrieval.terminal.graphics import Graphics
    from retrieval.terminal.pictures import Drawn

Command = Callable[..., None]

_WIDEST = 28
"""Cells of a picture's width at most: with half blocks 28 by 16 dots, in which one sees what it shows."""

_LARGEST_SIDE = 512
"""Pixels of a thumbnail's longer side at most: 28 cells of a display with 18 pixels a cell."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """What was asked to be seen of results.

    Attributes:
        preview: Whether to show pictures next to them.
        open_first: Whether to open the first one in the system's viewer.
    """

    preview: bool
    open_first: bool

    def pictures(self, library: Library, items: Iterable[Item | Hit]) -> PictureColumn | None:
        """Return the pictures of items, to be printed while the library is open; None to print none.

        Args:
            library: The library that the items are of.
            items: Items or hits, in the order in which they are printed.
        """
        if not self.preview:
            return None
        graphics = _graphics()
        return None if graphics is None else _column(library, items, graphics)

    def open(self, first: Item | Hit) -> None:
        """Open the first result in the system's viewer, if that was asked for."""
        if not self.open_first:
            return
        if not has_file(first):
            note(f"recall: the first result, {first.id}, was added without a file, so there is nothing to open")
            return
        from retrieval.terminal.viewer import open_file  # late: only --open needs it

        open_file(first.path)


def viewing_options(command: Command) -> Command:
    """Add --preview and --open to a command that prints photos, and hand it `viewing`; goes below `format_options`."""

    @functools.wraps(command)
    def call(*, preview: bool, open_first: bool, output: OutputFormat, **arguments: Any) -> None:
        if preview and output != "table":
            raise click.UsageError("--preview shows a table with pictures; leave it out, or --json, --paths and -0")
        if preview:
            require_preview("--preview")
        command(output=output, viewing=Viewing(preview, open_first), **arguments)

    return _preview_option(_open_option(call))


_preview_option: Callable[[Command], Command] = click.option(
    "--preview", is_flag=True, help="Show the pictures next to the results, in a terminal with colours."
)

_open_option: Callable[[Command], Command] = click.option(
    "--open", "open_first", is_flag=True, help="Open the first result in the system's viewer."
)


def require_preview(name: str) -> None:
    """Raise if what shows pictures is not installed.

    Args:
        name: The command or option that needs it.

    Raises:
        MissingPackageError: The extra `preview` is not installed.
    """
    if find_spec("textual") is None or find_spec("textual_image") is None:
        raise MissingPackageError(
            f"{name} needs the packages textual and textual-image; run: pip install 'recall-photos[preview]'"
        )


@functools.cache
def _graphics() -> Graphics | None:
    """Return how the terminal shows pictures; None after a note if it shows none. Both happen once a run."""
    if not terminal.shows_color(sys.stdout):
        note("recall: --preview shows pictures in a terminal with colours, which this is not; printing a table")
        return None
    from retrieval.terminal.graphics import detect  # late: only --preview needs it

    return detect()


def _column(library: Library, items: Iterable[Item | Hit], graphics: Graphics) -> PictureColumn:
    from retrieval.terminal.pictures import draw  # late, as the next: only --preview needs pictures
    from retrieval.terminal.thumbnails import thumbnails

    width = min(_WIDEST, max(1, (terminal.width(sys.stdout) or terminal.DEFAULT_WIDTH) // 3))
    height = max(1, round(width * 2 / 3 * graphics.cell[0] / graphics.cell[1]))  # as most photos, 3:2
    side = min(_LARGEST_SIDE, max(width * graphics.cell[0], height * graphics.cell[1]))

    def drawn() -> Iterator[Drawn | str]:
        for picture in thumbnails(library, items, side=side):
            if isinstance(picture, bytes):
                yield draw(picture, graphics, columns=width, rows=height)
            else:
                yield picture

    return PictureColumn(width, drawn())
