"""Text for people: what a terminal can show safely, how wide it is, numbers with their units."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator


def visible(value: str) -> str:
    r"""Return text that cannot move the cursor or end the line; bytes that are not UTF-8 become `\x..`."""
    shown = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in shown)


def one_line(value: str) -> str:
    """Return text on one line, made safe by `visible`."""
    return visible(" ".join(value.split()))


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun: "1 photo", "2,000 photos".

    Args:
        number: How many.
        noun: The singular.
        nouns: The plural, where it is not the singular with an s.
    """
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def size(number: int) -> str:
    """Return a number of bytes in powers of 1000: "12.3 MB"."""
    value, unit = float(number), "bytes"
    for bigger in ("kB", "MB", "GB", "TB"):
        if round(value, 1) < 1000:
            break
        value, unit = value / 1000, bigger
    if unit == "bytes":
        return plural(number, "byte")
    return f"{value:.1f} {unit}"


def display_width(text: str) -> int:
    """Return how many cells of a terminal a text takes: two for a wide letter, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Me", "Mn", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shorten_end(text: str, width: int) -> str:
    """Return at most `width` cells of a text; an ellipsis stands for the rest."""
    if display_width(text) <= width:
        return text
    return f"{_head(text, width - 1).rstrip()}…"


def shorten_middle(text: str, width: int) -> str:
    """Return at most `width` cells of a text; an ellipsis stands for its middle, so that a file's name stays whole."""
    if display_width(text) <= width:
        return text
    head = (width - 1) // 3  # the end of a path says more than its beginning
    return f"{_head(text, head)}…{_head(text[::-1], width - 1 - head)[::-1]}"


def _head(text: str, width: int) -> str:
    """Return the beginning of a text that fits into `width` cells."""
    used = 0
    for position, letter in enumerate(text):
        used += _cells(letter)
        if used > width:
            return text[:position]
    return text


def wrap(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` cells, broken between words; a longer word is broken too."""
    if display_width(text) <= width:
        return [text]
    lines = [""]
    for word in _pieces(text, width):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if display_width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield the words of a text, those wider than `width` in pieces."""
    for word in text.split():
        rest = word
        while display_width(rest) > width:
            head = _head(rest, width) or rest[:1]
            yield head
            rest = rest[len(head) :]
        if rest:
            yield rest
