"""The program: search box, grid, and the lines around it."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from indexer.errors import RecallError
from retrieval.terminal.browser import texts
from retrieval.terminal.browser.actions import Actions
from retrieval.terminal.browser.grid import Grid
from retrieval.terminal.browser.large import Help, Large
from retrieval.terminal.browser.session import Found, Session
from retrieval.terminal.graphics import Graphics


class Browser(App[None]):
    """Shows what a search finds as a page of thumbnails."""

    TITLE = "recall browse"
    ENABLE_COMMAND_PALETTE = False

    CSS = """
    .line { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #head { background: $panel; }
    #about { color: $text-muted; }
    Input { display: none; }
    .asking Input { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "large", "Large"),
        Binding("y", "judge(True)", "Good"),
        Binding("n", "judge(False)", "Bad"),
        Binding("o", "open", "Open"),
        Binding("c", "copy", "Copy path"),
        Binding("slash", "ask", "Search", key_display="/"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "End"),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self, session: Session, graphics: Graphics, *, text: str = "") -> None:
        """Make the program.

        Args:
            session: The library that it shows.
            graphics: How the terminal shows pictures.
            text: What to search for first; "" asks for it.
        """
        super().__init__()
        self._session, self._graphics, self._text = session, graphics, text
        self._found: Found | None = None
        self._actions = Actions(self, session, self._renew)

    def compose(self) -> ComposeResult:
        """Return the widgets."""
        yield Static(classes="line", id="head", markup=False)
        yield Input(placeholder="describe a photo, for instance: a dog on the beach")
        yield Grid(self._session, self._graphics)
        yield Static(classes="line", id="about", markup=False)
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Search, or ask for what."""
        if self._text:
            await self._search(self._text)
        else:
            self.action_ask()

    @property
    def grid(self) -> Grid:
        """The page of thumbnails."""
        return self._base.query_one(Grid)

    @property
    def _base(self) -> Screen[Any]:
        """The screen with the grid, also below a large picture."""
        return self.screen_stack[0]

    @on(Input.Submitted)
    async def submit(self, event: Input.Submitted) -> None:
        """Search for what was typed."""
        if event.value.strip():
            self.action_leave()
            await self._search(event.value.strip())

    @on(Grid.Chosen)
    def describe(self) -> None:
        """Show what is known of the chosen hit, and the page."""
        hit, page = self.grid.chosen, self.grid.page
        self._base.query_one("#about", Static).update(self._session.about(hit) if hit else "")
        if self._found is None:
            return
        hits = self._found.hits
        first = f"{page.start + 1} to " if len(page) > 1 else ""
        shown = f"{first}{page.stop} of {len(hits)}" if hits else "nothing found"
        note = f"  ({self._found.note})" if hits and self._found.note else ""
        self._say(f"{self._text}: {shown}{note}")

    def action_ask(self) -> None:
        """Show the search box."""
        while len(self.screen_stack) > 1:  # a large picture
            self.pop_screen()
        self._base.add_class("asking")
        box = self._base.query_one(Input)
        box.value = self._text
        box.focus()
        box.action_select_all()

    def action_leave(self) -> None:
        """Hide the search box."""
        self._base.remove_class("asking")
        self.grid.focus()

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def action_large(self) -> None:
        """Show the chosen hit large."""
        if self._found and self.grid.chosen:
            large = Large(self._found, self.grid.place, actions=self._actions, graphics=self._graphics)

            async def choose(_: None) -> None:
                await self.grid.choose(large.place)

            self.push_screen(large, choose)

    def action_judge(self, is_good: bool) -> None:  # noqa: FBT001 - Textual hands it over so
        """Record whether the chosen hit is good."""
        if self._found and self.grid.chosen:
            self._actions.judge(self._found, self.grid.chosen, is_good=is_good)

    def action_open(self) -> None:
        """Open the chosen hit in the system's viewer."""
        if self.grid.chosen:
            self._actions.open(self.grid.chosen)

    def action_copy(self) -> None:
        """Copy the path of the chosen hit."""
        if self.grid.chosen:
            self._actions.copy(self.grid.chosen)

    async def _search(self, text: str) -> None:
        self._text, self._found = text, None
        self._say(f"{text}: {texts.SEARCHING}")
        await self.grid.show((), texts.SEARCHING)
        self.grid.focus()
        self.run_worker(partial(self._find, text), thread=True, exclusive=True, group="search")

    def _find(self, text: str) -> None:
        """Search in a thread, and show what was found unless something else is searched for by now."""
        try:
            found, sentence = self._session.find(text), ""
        except RecallError as error:
            found, sentence = None, self._session.clean(str(error))
        self.call_later(partial(self._show, text, found, sentence))

    async def _show(self, text: str, found: Found | None, sentence: str) -> None:
        if text != self._text:
            return
        self._found = found
        if found is None:
            self._say(text)
            await self.grid.show((), _advice(sentence))
        else:
            await self.grid.show(found.hits, _advice(self._session.clean(found.note)))

    def _renew(self) -> None:
        """Show a new judgement."""
        self.grid.renew()
        self.describe()
        if isinstance(self.screen, Large):
            self.screen.renew()

    def _say(self, text: str) -> None:
        self._base.query_one("#head", Static).update(self._session.clean(text))


def _advice(sentence: str) -> str:
    """Return what went wrong as a sentence of its own, and what to do."""
    return f"{sentence[:1].upper()}{sentence[1:]}.\n\n{texts.AGAIN}"
