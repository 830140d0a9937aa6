"""`recall browse`, driven by Textual's own pilot, and once in tmux."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from retrieval import Hits, Library, Query
from retrieval.cli.commands.browse import browsing
from retrieval.terminal.browser.app import Browser
from retrieval.terminal.browser.large import Help, Large
from retrieval.terminal.browser.session import Found, Session
from retrieval.terminal.browser.tile import Tile
from retrieval.terminal.graphics import Graphics, GraphicsKind
from retrieval.terminal.pictures import load_textual_image
from tests.support.color_photos import paint

pytestmark = pytest.mark.filterwarnings(  # textual-image 0.12 calls it, and Pillow 14 will no longer have it
    "ignore:Image.Image.getdata is deprecated:DeprecationWarning"
)

COLORS = ("red", "orange", "yellow", "lime", "cyan", "blue", "magenta")
"""Seven colours; with a red one the fake encoder puts red first, orange and magenta or yellow next."""


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library with a photo of each colour."""
    for color in COLORS:
        paint(folder / f"{color}.png", color)
    library.sync(folder)
    return library


@asynccontextmanager
async def running(
    library: Library, text: str, *, size: tuple[int, int] = (100, 36), graphics: Graphics | None = None
) -> AsyncIterator[tuple[Browser, Pilot[None]]]:
    """Yield the program after its first search, and its pilot."""
    app = Browser(browsing(library), graphics or Graphics(), text=text)
    async with app.run_test(size=size) as pilot:
        if text:
            await until(pilot, lambda: "searching" not in shown(app))
        yield app, pilot


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until a thread of the program has done its work."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, shown(pilot.app)
        await pilot.pause(0.02)
    await pilot.pause()


def shown(app: Browser | object) -> str:
    """Return all texts on the screen."""
    assert isinstance(app, Browser)
    return "\n".join(str(widget.content) for widget in app.screen.query(Static))


def screen(app: Browser) -> str:
    """Return the letters on the screen."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


def names(app: Browser) -> list[str]:
    """Return the colours on the page."""
    return [tile._hit.path.stem for tile in app.screen.query(Tile)]


def chosen(app: Browser) -> str:
    """Return the colour that is chosen, by the frame around it."""
    [tile] = app.screen.query("Tile.chosen").results(Tile)
    return tile._hit.path.stem


async def test_the_grid_shows_the_best_first_and_arrows_choose(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        assert (len(names(app)), names(app)[0]) == (7, "red")  # three a row, as 28 columns are wanted for each
        assert (app.grid.columns, app.grid.rows) == (3, 3)
        order = names(app)
        for key, place in (("right", 1), ("down", 4), ("left", 3), ("up", 0), ("up", 0), ("left", 0), ("end", 6)):
            await pilot.press(key)
            assert chosen(app) == order[place], key
        await pilot.press("home", "right", "right", "down", "down")  # the last row has one
        assert chosen(app) == order[6]
        assert "red: 1 to 7 of 7" in shown(app)


async def test_past_the_end_of_a_page_the_next_page_comes(colors: Library) -> None:
    async with running(colors, "red", size=(60, 16)) as (app, pilot):
        assert (len(names(app)), app.grid.columns, app.grid.rows) == (2, 2, 1)
        assert "red: 1 to 2 of 7" in shown(app)
        await pilot.press("right", "right")
        assert "red: 3 to 4 of 7" in shown(app)
        assert chosen(app) == names(app)[0]
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert "red: 7 of 7" in shown(app)
        await pilot.press("pageup")
        assert "red: 5 to 6 of 7" in shown(app)


async def test_pictures_are_drawn_in_the_colours_of_the_photos(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        await until(pilot, lambda: "▀" in screen(app))
        await until(pilot, lambda: len(app.screen.query("HalfcellImage")) == 7)
        image = app.screen.query("HalfcellImage").first()
        strips = image.render_lines(image.region.at_offset((0, 0)))
        styles = [segment.style for strip in strips for segment in strip if segment.text == "▀"]
        assert styles
        triplets = [style.color.triplet for style in styles if style and style.color]
        assert all(t and t.red > 240 and t.green < 15 and t.blue < 15 for t in triplets)  # a JPEG of red


@pytest.mark.parametrize(
    ("kind", "widget"), [("kitty", "TGPImage"), ("sixel", "SixelImage"), ("blocks", "HalfcellImage")]
)
async def test_each_kind_of_terminal_gets_its_own_pictures(
    colors: Library, kind: GraphicsKind, widget: str, capfd: pytest.CaptureFixture[str]
) -> None:
    graphics = Graphics(kind, (10, 20))
    load_textual_image(graphics)
    from textual_image import widget as widgets

    made = getattr(widgets, widget)
    async with running(colors, "red", graphics=graphics) as (app, pilot):
        await until(pilot, lambda: len(app.screen.query(made)) == 7)
        image = app.screen.query(made).first()
        assert (image.size.width, image.size.height) == (21, 8)  # 4:3 in 31 by 8 cells of 10 by 20
        await pilot.pause()
    printed = capfd.readouterr().out if sys.__stdout__ is sys.stdout else ""
    assert "\x1b[c" not in printed  # nothing asks the terminal while the program runs


async def test_enter_shows_one_large_and_escape_goes_back_to_it(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        order = names(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Large) and "▀" in screen(app))
        image = app.screen.query("HalfcellImage").first()
        assert image.size.height == 34  # all but the two lines below
        assert "1 of 7: red.png" in shown(app)
        await pilot.press("right", "right", "right", "left")
        assert f"3 of 7: {order[2]}.png" in shown(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, Large)
        assert chosen(app) == order[2]


async def test_y_and_n_judge_as_recall_judge_does(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        _, second, third, *_ = names(app)
        await pilot.press("y", "right", "n")
        await until(pilot, lambda: "✗" in shown(app))
        assert "✓ red.png" in shown(app)
        await pilot.press("right", "enter", "y")
        await until(pilot, lambda: "3 of 7: ✓" in shown(app))
    judged = [(Path(each.path).stem, each.is_good, each.position) for each in colors.judgements()]
    assert sorted(judged, key=lambda each: each[2] or 0) == [("red", True, 1), (second, False, 2), (third, True, 3)]


async def test_c_copies_the_path_and_o_opens_the_viewer(
    colors: Library, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = tmp_path / "bin" / ("open" if sys.platform == "darwin" else "xdg-open")
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/opened.part && mv {tmp_path}/opened.part {tmp_path}/opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:{os.environ['PATH']}")
    async with running(colors, "red") as (app, pilot):
        await pilot.press("c")
        assert app.clipboard == str(folder / "red.png")
        await pilot.press("o")
        await until(pilot, (tmp_path / "opened").exists)
        assert (tmp_path / "opened").read_text() == f"{folder / 'red.png'}\n"
        opener.unlink()
        monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
        await pilot.press("o")
        await until(pilot, lambda: any("there is no program" in note.message for note in app._notifications))


async def test_slash_searches_again_and_letters_in_the_box_are_words(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        await pilot.press("slash")
        box = app.screen.query_one(Input)
        assert (box.display, box.has_focus, box.value) == (True, True, "red")
        await pilot.press(*"cyan", "enter")  # what was there is replaced
        await until(pilot, lambda: "cyan: 1 to 7 of 7" in shown(app))
        assert (names(app)[0], box.display) == ("cyan", False)
        await pilot.press("slash", "q", "n", "escape")
        assert (box.display, chosen(app)) == (False, "cyan")
    assert colors.judgements() == []


async def test_slash_works_from_a_large_picture(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        await pilot.press("enter", "slash")
        assert app.screen.query_one(Input).has_focus


async def test_without_a_query_the_box_asks_for_one(colors: Library) -> None:
    async with running(colors, "") as (app, pilot):
        assert app.screen.query_one(Input).has_focus
        await pilot.press("enter")  # nothing to search for
        await pilot.press(*"blue", "enter")
        await until(pilot, lambda: "blue: 1 to 7 of 7" in shown(app))
        assert chosen(app) == "blue"


async def test_help_names_every_key_and_any_key_closes_it(colors: Library) -> None:
    async with running(colors, "red") as (app, pilot):
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        text = shown(app)
        for key in ("Arrows", "Enter", "y, n", "\no ", "\nc ", "\n/ ", "Escape", "\nq "):
            assert key in text
        await pilot.press("y")
        assert len(app.screen_stack) == 1
        await pilot.press("q")
        assert app.return_code == 0
    assert colors.judgements() == []


async def test_a_search_that_fails_says_what_to_do(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    async with running(library, "red + -") as (app, _pilot):
        assert "Press / to search for something else" in shown(app)
        assert "'-'" in shown(app)
    async with running(library, "nowhere.jpg") as (app, _pilot):
        assert "There is no file nowhere.jpg; to search for these words" in shown(app)


async def test_nothing_found_says_what_to_do_and_no_key_breaks_it(colors: Library) -> None:
    session = Session(colors, lambda text: Found(Query([text]), Hits(), "nothing matches"), lambda _: ("", ""), str)
    app = Browser(session, Graphics(), text="a dog")
    async with app.run_test() as pilot:
        await until(pilot, lambda: "searching" not in shown(app))
        assert "a dog: nothing found" in shown(app)
        assert "Nothing matches.\n\nPress / to search for something else, with other words." in shown(app)
        for key in ("enter", "y", "n", "o", "c", "left", "down", "pagedown", "end"):
            await pilot.press(key)
        assert len(app.screen_stack) == 1
        assert not app._notifications


async def test_a_picture_that_is_gone_keeps_its_place_and_says_why(colors: Library, folder: Path) -> None:
    (folder / "red.png").unlink()
    async with running(colors, "red") as (app, pilot):
        await until(pilot, lambda: "the file does not exist" in shown(app))
        assert chosen(app) == "red"
        await pilot.press("o")
        await until(pilot, lambda: any("run: recall index" in note.message for note in app._notifications))


async def test_a_text_is_shown_in_its_words(library: Library) -> None:
    library.add(texts=["red [bold]\x1b[31mroof[/]"])
    async with running(library, "red") as (app, pilot):
        await until(pilot, lambda: "[bold]" in shown(app))
        assert "\x1b" not in shown(app)
        await pilot.press("c")
        await until(pilot, lambda: any("without a file" in note.message for note in app._notifications))


@pytest.mark.parametrize(("size", "tiles"), [((30, 20), 1), ((80, 24), 2), ((200, 50), 7), ((14, 9), 1)])
async def test_narrow_and_wide_terminals_get_as_many_tiles_as_fit(
    colors: Library, size: tuple[int, int], tiles: int
) -> None:
    async with running(colors, "red", size=size) as (app, pilot):
        assert len(names(app)) == tiles
        for tile in app.screen.query(Tile):
            assert app.grid.region.contains_region(tile.region)
        await pilot.resize_terminal(size[0] + 60, size[1] + 15)
        await pilot.pause()
        assert len(names(app)) > tiles or tiles == 7


async def test_a_terminal_without_room_says_so(colors: Library) -> None:
    async with running(colors, "red", size=(11, 6)) as (app, _pilot):
        assert "too small" in shown(app)
