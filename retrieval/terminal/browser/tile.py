"""A thumbnail with its name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from retrieval.terminal.browser.picture import Picture
from retrieval.terminal.browser.session import Session
from retrieval.terminal.graphics import Graphics

if TYPE_CHECKING:
    from retrieval.search.hits import Hit

_SIDE = 384
"""Pixels of a thumbnail's longer side: 30 cells of a display with 12 pixels a cell."""


class Tile(Vertical):
    """A hit in the grid; the chosen one has a frame."""

    DEFAULT_CSS = """
    Tile { border: round transparent; }
    Tile.chosen { border: round $accent; }
    Tile > Static { height: 1; width: 1fr; text-align: center; text-wrap: nowrap; text-overflow: ellipsis; }
    Tile.chosen > Static { text-style: bold; }
    """

    class Clicked(Message):
        """A tile was clicked.

        Attributes:
            place: Its place among the hits.
        """

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, session: Session, graphics: Graphics, *, hit: Hit, place: int, size: Size) -> None:
        super().__init__()
        self.place = place
        self._session, self._hit, self._room = session, hit, size
        self._picture = Picture(graphics)

    def compose(self) -> ComposeResult:
        """Return the picture and its name."""
        yield self._picture
        yield Static(self._label(), markup=False)

    def on_mount(self) -> None:
        """Read the picture in a thread."""
        self.styles.width, self.styles.height = self._room
        self.run_worker(self._load, thread=True)

    def on_click(self, event: Click) -> None:
        """Choose the tile."""
        event.stop()
        self.post_message(self.Clicked(self.place))

    def choose(self, *, is_chosen: bool) -> None:
        """Show whether the tile is the chosen one."""
        self.set_class(is_chosen, "chosen")
        self.renew()

    def renew(self) -> None:
        """Show whether the hit was judged."""
        self.query_one(Static).update(self._label())

    def _label(self) -> str:
        chosen = "▸ " if self.has_class("chosen") else ""  # a frame's colour is not seen without colours
        return f"{chosen}{self._session.name(self._hit)}"

    def _load(self) -> None:
        worker = get_current_worker()
        if worker.is_cancelled:  # the page was turned
            return
        picture = self._session.picture(self._hit, _SIDE)
        if not worker.is_cancelled:
            room = Size(self._room.width - 2, self._room.height - 3)  # without frame and name
            self.app.call_later(partial(self._picture.show, picture, room))
