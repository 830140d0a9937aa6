"""How the terminal shows pictures: Kitty's protocol, Sixel, or half blocks.

textual-image asks the terminal too, when it is imported, but waits a tenth of a second for each of three answers. An
answer that comes later is printed behind the prompt, which happens over SSH, and Kitty's question becomes the title of
a window of tmux. Here all questions are asked at once, and the last is one that every terminal answers.
"""

from __future__ import annotations

import os
import re
import select
import struct
import sys
import time
from dataclasses import dataclass
from typing import Literal

GraphicsKind = Literal["kitty", "sixel", "blocks"]

_SECONDS = 1.0
"""Longest wait for the terminal's answer; over a slow network it takes a third of this."""

_KITTY = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
"""Whether a picture of one pixel could be shown (https://sw.kovidgoyal.net/kitty/graphics-protocol/)."""

_CELL = b"\x1b[16t"
"""How many pixels a cell has (XTWINOPS of xterm)."""

_ATTRIBUTES = b"\x1b[c"
"""Primary device attributes of ECMA-48: every terminal answers, and 4 is Sixel (DEC VT340)."""

_ANSWER = re.compile(rb"\x1b\[\?(?P<attributes>[\d;]*)c")
_CELL_ANSWER = re.compile(rb"\x1b\[6;(?P<height>\d+);(?P<width>\d+)t")
_KITTY_ANSWER = re.compile(rb"\x1b_Gi=31;OK\x1b\\")

_USUAL_CELL = (10, 20)
"""Pixels of a cell where the terminal does not say it: those of the VT340, which textual-image takes too."""


@dataclass(frozen=True, slots=True)
class Graphics:
    """How a terminal shows pictures.

    Attributes:
        kind: Kitty's protocol, Sixel, or half blocks, which any terminal with colours shows.
        cell: Width and height of a cell in pixels.
    """

    kind: GraphicsKind = "blocks"
    cell: tuple[int, int] = _USUAL_CELL


def detect() -> Graphics:
    """Return how the terminal behind standard output shows pictures; without an answer by half blocks."""
    term = os.environ.get("TERM", "")
    if sys.__stdout__ is None or not sys.__stdout__.isatty() or term == "linux":  # the console prints some questions
        return Graphics()
    in_multiplexer = bool(os.environ.get("TMUX")) or term.startswith(("screen", "tmux"))
    device = sys.__stdout__.fileno()
    answer = _ask(device, (b"" if in_multiplexer else _KITTY) + _CELL + _ATTRIBUTES)
    attributes = _ANSWER.search(answer)
    cell = _cell(device, answer)
    if attributes and b"4" in attributes["attributes"].split(b";"):
        return Graphics("sixel", cell)  # first: Konsole and WezTerm know Kitty's protocol without its placeholders
    return Graphics("kitty" if _KITTY_ANSWER.search(answer) else "blocks", cell)


def _ask(device: int, questions: bytes) -> bytes:
    """Return what the terminal answers to questions, the last of which are its attributes; keys are not shown."""
    try:
        import termios  # late, as the next: not on Windows
        import tty
    except ImportError:
        return b""
    try:
        before = termios.tcgetattr(device)
        if _is_in_background(device):
            return b""
        tty.setcbreak(device, termios.TCSADRAIN)
        try:
            os.write(device, questions)
            return _read_answer(device)
        finally:
            termios.tcsetattr(device, termios.TCSADRAIN, before)
    except (OSError, termios.error):  # open for writing only, or gone
        return b""


def _read_answer(device: int) -> bytes:
    answer = b""
    end = time.monotonic() + _SECONDS
    while not _ANSWER.search(answer):
        if not select.select([device], [], [], max(0.0, end - time.monotonic()))[0]:
            break
        part = os.read(device, 1024)
        if not part:
            break
        answer += part
    return answer


def _is_in_background(device: int) -> bool:
    """Return whether a shell runs the program in the background, where the terminal stops whoever asks it."""
    try:
        return os.tcgetpgrp(device) != os.getpgrp()
    except OSError:  # it is not the terminal that controls the program
        return False


def _cell(device: int, answer: bytes) -> tuple[int, int]:
    """Return width and height of a cell in pixels."""
    found = _CELL_ANSWER.search(answer)
    if found and int(found["width"]) and int(found["height"]):
        return int(found["width"]), int(found["height"])
    try:
        import fcntl  # late, as the next: not on Windows
        import termios

        size = fcntl.ioctl(device, termios.TIOCGWINSZ, bytes(8))
    except (ImportError, OSError):
        return _USUAL_CELL
    rows, columns, width, height = struct.unpack("HHHH", size)
    if not (rows and columns and width >= columns and height >= rows):
        return _USUAL_CELL
    return width // columns, height // rows


def detect_for_program() -> Graphics:
    """Return how a program that fills the terminal shows pictures.

    With Kitty's protocol a colour is the number of a picture, so that all colours are needed: the environment says so
    afterwards, also over SSH. With NO_COLOR there are none, and half blocks are grey.
    """
    graphics = detect()
    if graphics.kind == "kitty" and os.environ.get("NO_COLOR"):
        return Graphics("blocks", graphics.cell)
    if graphics.kind == "kitty":
        os.environ["COLORTERM"] = "truecolor"
    return graphics
