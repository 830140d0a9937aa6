"""One picture as large as the terminal, and the help."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Key, Resize
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Static

from retrieval.terminal.browser import texts
from retrieval.terminal.browser.actions import Actions
from retrieval.terminal.browser.picture import Picture
from retrieval.terminal.browser.session import Found
from retrieval.terminal.graphics import Graphics

if TYPE_CHECKING:
    from retrieval.search.hits import Hit

_SIDE = 1024
"""Pixels of the longer side: more than most terminals have."""


class Large(Screen[None]):
    """One picture as large as the terminal, with the same keys as the grid."""

    DEFAULT_CSS = """
    Large > #about { height: 1; text-align: center; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "Back"),
        Binding("left,up", "move(-1)", "Before", show=False),
        Binding("right,down,space", "move(1)", "Next", show=False),
        Binding("y", "judge(True)", "Good"),
        Binding("n", "judge(False)", "Bad"),
        Binding("o", "open", "Open"),
        Binding("c", "copy", "Copy path"),
        Binding("q", "app.quit", "End"),
    ]

    def __init__(self, found: Found, place: int, *, actions: Actions, graphics: Graphics) -> None:
        super().__init__()
        self.place = place
        self._found, self._actions = found, actions
        self._picture = Picture(graphics)

    @property
    def hit(self) -> Hit:
        """The hit that is shown."""
        return self._found.hits[self.place]

    def compose(self) -> ComposeResult:
        """Return the picture, what is known of it, and the keys."""
        yield self._picture
        yield Static(id="about", markup=False)
        yield Footer(show_command_palette=False)

    def on_resize(self, event: Resize) -> None:
        """Show the picture in the new size; also when the screen is opened."""
        self._show()

    def renew(self) -> None:
        """Show whether the hit was judged."""
        about = self._actions.session.about(self.hit)
        self.query_one("#about", Static).update(f"{self.place + 1} of {len(self._found.hits)}: {about}")

    def action_close(self) -> None:
        """Go back to the grid."""
        self.dismiss()

    def action_move(self, steps: int) -> None:
        """Show another hit."""
        self.place = min(max(self.place + steps, 0), len(self._found.hits) - 1)
        self._show()

    def action_judge(self, is_good: bool) -> None:  # noqa: FBT001 - Textual hands it over so
        """Record whether the hit is good."""
        self._actions.judge(self._found, self.hit, is_good=is_good)

    def action_open(self) -> None:
        """Open the file in the system's viewer."""
        self._actions.open(self.hit)

    def action_copy(self) -> None:
        """Copy the path."""
        self._actions.copy(self.hit)

    def _show(self) -> None:
        self.renew()
        self.run_worker(partial(self._load, self.hit), thread=True, exclusive=True)

    def _load(self, hit: Hit) -> None:
        picture = self._actions.session.picture(hit, _SIDE)
        if hit is self.hit:
            room = Size(self.size.width, self.size.height - 2)
            self.app.call_later(partial(self._picture.show, picture, room))


class Help(ModalScreen[None]):
    """The keys."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > Container { width: auto; height: auto; max-width: 100%; max-height: 100%; overflow-y: auto;
        border: round $accent; padding: 0 1; background: $surface; }
    Help Static { width: auto; max-width: 100%; }
    """

    def compose(self) -> ComposeResult:
        """Return the text."""
        with Container():
            yield Static(texts.HELP, markup=False)

    def on_key(self, event: Key) -> None:
        """Close it."""
        event.stop()
        self.dismiss()
