"""What standard output can show: its width, colour, links.

Colour is for terminals only, and off where NO_COLOR is set and not empty (https://no-color.org) or TERM is "dumb".

Links are the escape sequence OSC 8 (https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda), for terminals
only. They are not colour: NO_COLOR leaves them on, FORCE_HYPERLINK=0 switches them off. Terminals that do not know the
sequence ignore it, except those that `shows_links` excludes.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_WIDTH = 80
"""Columns of a terminal that does not say how wide it is."""

_NO_LINKS = {"", "dumb", "linux", "unknown", "vt100", "vt220"}
"""Values of TERM whose terminals print the sequence instead of ignoring it."""

_FIRST_VTE = 5000
"""VTE, the widget of GNOME Terminal and others, shows links from 0.50 on; before, it printed them as text."""


def is_terminal(stream: IO[str]) -> bool:
    """Return whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: IO[str]) -> int | None:
    """Return the columns of the terminal behind a stream (COLUMNS overrides it); None if it is not a terminal."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except OSError:  # a test's stream
        return DEFAULT_WIDTH


def shows_color(stream: IO[str]) -> bool:
    """Return whether to colour what goes to a stream."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def shows_links() -> bool:
    """Return whether standard output is a terminal that shows links, or ignores them silently."""
    if not sys.stdout.isatty() or os.environ.get("FORCE_HYPERLINK") == "0":
        return False
    if os.environ.get("FORCE_HYPERLINK"):
        return True
    vte = os.environ.get("VTE_VERSION", "")
    return os.environ.get("TERM", "") not in _NO_LINKS and not (vte.isdecimal() and int(vte) < _FIRST_VTE)


def style(text: str, codes: str, stream: IO[str]) -> str:
    """Return text in a style where the stream shows it.

    Args:
        text: The text.
        codes: Numbers of ECMA-48, with ; between them: 1 is bold, 31 red, 33 yellow.
        stream: Where the text goes.
    """
    return f"\x1b[{codes}m{text}\x1b[0m" if text and shows_color(stream) else text


def link(text: str, path: Path | None) -> str:
    """Return text that opens a file when it is clicked; as it is where there is no file or links are not shown."""
    if path is None or not text or not path.is_absolute() or not shows_links():
        return text
    host = os.uname().nodename if hasattr(os, "uname") else ""  # so that a terminal on another machine opens nothing
    uri = path.as_uri().replace("file://", f"file://{host}", 1)
    return f"\x1b]8;;{uri}\x1b\\{text}\x1b]8;;\x1b\\"
