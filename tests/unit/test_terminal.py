"""Which terminals get colour and links."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from retrieval.cli import terminal


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Return a terminal, in an environment that says nothing about it but its kind."""
    for name in ("NO_COLOR", "FORCE_HYPERLINK", "VTE_VERSION", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Screen()


@pytest.mark.parametrize(
    ("env", "links"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": ""}, False),
        ({"VTE_VERSION": "4999"}, False),
        ({"VTE_VERSION": "5000"}, True),
        ({"VTE_VERSION": "next"}, True),
        ({"NO_COLOR": "1"}, True),
        ({"FORCE_HYPERLINK": "0"}, False),
        ({"FORCE_HYPERLINK": "1", "TERM": "dumb"}, True),
    ],
)
def test_links_are_for_terminals_that_show_or_ignore_them(
    env: dict[str, str], links: bool, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with redirect_stdout(screen):
        assert terminal.shows_links() is links
        shown = terminal.link("a", Path("/b c"))
    assert shown.startswith("\x1b]8;;file://") is links
    assert shown.endswith("/b%20c\x1b\\a\x1b]8;;\x1b\\") is links


def test_what_is_no_terminal_gets_neither_links_nor_colour_nor_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_HYPERLINK", "1")
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    with redirect_stdout(stream):
        assert not terminal.shows_links()
    assert terminal.style("a", "1", stream) == "a"
    assert terminal.width(stream) is None


@pytest.mark.parametrize(("columns", "width"), [("", 80), ("0", 80), ("wide", 80), ("132", 132)])
def test_the_width_is_that_of_columns_or_80(
    columns: str, width: int, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.width(screen) == width


def test_a_relative_path_and_an_empty_cell_are_no_links(screen: Screen) -> None:
    with redirect_stdout(screen):
        assert terminal.link("a", Path("b")) == "a"
        assert terminal.link("", Path("/b")) == ""
        assert terminal.link("a", None) == "a"


def test_a_name_that_is_not_utf_8_links_by_its_bytes(screen: Screen) -> None:
    with redirect_stdout(screen):
        assert "/caf%E9\x1b" in terminal.link("a", Path("/caf\udce9"))
