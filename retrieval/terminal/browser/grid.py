"""The page of thumbnails and its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from retrieval.terminal.browser import texts
from retrieval.terminal.browser.session import Session
from retrieval.terminal.browser.tile import Tile
from retrieval.terminal.graphics import Graphics

if TYPE_CHECKING:
    from retrieval.search.hits import Hit

_TILE = Size(28, 11)
"""Columns and rows of a tile at least, if the terminal has them: 26 by 8 for a picture is 3:2."""

_SMALLEST = Size(12, 5)
"""Columns and rows below which nothing can be seen."""


class Grid(Container, can_focus=True):
    """Shows as many hits as fit, and lets one be chosen; past the page's end the next page comes."""

    DEFAULT_CSS = """
    Grid { layout: grid; width: 1fr; height: 1fr; }
    Grid.message { layout: vertical; align: center middle; }
    Grid > .message { width: auto; max-width: 90%; height: auto; text-align: center; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Left", show=False),
        Binding("right", "move(1)", "Right", show=False),
        Binding("up", "move_row(-1)", "Up", show=False),
        Binding("down", "move_row(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home", "end_of(0)", "First", show=False),
        Binding("end", "end_of(-1)", "Last", show=False),
    ]

    class Chosen(Message):
        """Another hit was chosen, or the page has changed."""

    def __init__(self, session: Session, graphics: Graphics) -> None:
        super().__init__()
        self._session, self._graphics = session, graphics
        self._hits: Sequence[Hit] = ()
        self._message = texts.FIRST
        self.place = 0
        self.columns = self.rows = 1

    @property
    def chosen(self) -> Hit | None:
        """The hit that is chosen."""
        return self._hits[self.place] if self._hits else None

    @property
    def page(self) -> range:
        """The places of the hits that are shown."""
        size = self.columns * self.rows
        first = self.place // size * size
        return range(first, min(first + size, len(self._hits)))

    async def show(self, hits: Sequence[Hit], message: str = "") -> None:
        """Show hits, or a message if there are none."""
        self._hits, self._message, self.place = hits, message, 0
        await self._draw()

    def renew(self) -> None:
        """Show which hits were judged."""
        for tile in self.query(Tile):
            tile.renew()

    async def choose(self, place: int) -> None:
        """Choose a hit by its place; one outside of the list means its end."""
        page = self.page
        self.place = min(max(place, 0), max(len(self._hits) - 1, 0))
        if self.page != page:
            await self._draw()
            return
        for tile in self.query(Tile):
            tile.choose(is_chosen=tile.place == self.place)
        self.post_message(self.Chosen())

    async def on_resize(self, event: Resize) -> None:
        """Arrange the tiles again."""
        await self._draw()

    async def on_tile_clicked(self, event: Tile.Clicked) -> None:
        """Choose the tile that was clicked."""
        self.focus()
        await self.choose(event.place)

    async def action_move(self, steps: int) -> None:
        """Choose the hit so many places further."""
        await self.choose(self.place + steps)

    async def action_move_row(self, steps: int) -> None:
        """Choose the hit so many rows further down, in the same column if there is one."""
        target = self.place + steps * self.columns
        last = len(self._hits) - 1
        if target > last and self.place // self.columns < last // self.columns:  # the last row is shorter
            target = last
        if 0 <= target <= last:
            await self.choose(target)

    async def action_move_page(self, steps: int) -> None:
        """Choose the hit one page further."""
        await self.choose(self.place + steps * self.columns * self.rows)

    async def action_end_of(self, place: int) -> None:
        """Choose the first (0) or the last (-1) hit."""
        await self.choose(place % max(len(self._hits), 1))

    async def _draw(self) -> None:
        """Draw the page that the chosen hit is on."""
        size = self.size
        self.columns, self.rows = max(1, size.width // _TILE.width), max(1, size.height // _TILE.height)
        has_room = size.width >= _SMALLEST.width and size.height >= _SMALLEST.height
        await self.remove_children()
        is_message = not self._hits or not has_room
        self.set_class(is_message, "message")
        if is_message:
            text = self._message if has_room or not self._hits else texts.NO_ROOM
            await self.mount(Static(text, classes="message", markup=False))
        else:
            self.styles.grid_size_columns, self.styles.grid_size_rows = self.columns, self.rows
            await self.mount(*map(self._tile, self.page))
        self.post_message(self.Chosen())

    def _tile(self, place: int) -> Tile:
        room = Size(self.size.width // self.columns, self.size.height // self.rows)
        tile = Tile(self._session, self._graphics, hit=self._hits[place], place=place, size=room)
        tile.set_class(place == self.place, "chosen")
        return tile
