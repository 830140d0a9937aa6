"""Parses the words of a command into the parts of a query: `"2: red car" + photo.jpg - truck`, the syntax of rclip."""

from __future__ import annotations

import re
from collections.abc import Sequence

from indexer.errors import QueryError
from retrieval.query.part import Part

STDIN = "-"
"""The part that is read from standard input."""

CLIPBOARD = "clipboard:"
"""The part that is the picture in the clipboard."""

_WEIGHTED = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*:\s*(.*)", flags=re.DOTALL)


def is_url(text: str) -> bool:
    """Return whether a text is an address on the web."""
    return text.lower().startswith(("http://", "https://"))


def parse_parts(words: Sequence[str]) -> list[Part]:
    """Return the parts of a query in their order, all of them as text: also names of pictures, addresses and `STDIN`.

    A `+` or `-` that is a word of its own adds or subtracts the part that follows. Words in a row are one part, as if
    they were quoted. A number and a colon before a part are its weight; `1:` keeps a text that begins in this form. A
    `-` that no part follows is standard input.

        "a boat" + ./sunset.jpg - people      three parts, weights 1, 1, -1
        2: red car - truck                    two parts, weights 2, -1
        - + "at night"                        standard input and a text

    Args:
        words: Words as a shell splits them.

    Raises:
        QueryError: No part follows a sign, a part is blank, or a weight is 0 or out of range.
    """
    parts: list[Part] = []
    sign, pending = "+", list[str]()
    for number, word in enumerate(words):
        if word == STDIN and not pending and (number + 1 == len(words) or words[number + 1] in ("+", "-")):
            pending = [STDIN]
        elif word in ("+", "-"):
            if pending:
                parts.append(_part(pending, sign))
            elif number:
                raise QueryError(f"there is nothing between {words[number - 1]!r} and {word!r}; add a part there")
            sign, pending = word, []
        else:
            pending.append(word)
    if pending:
        return [*parts, _part(pending, sign)]
    if words:
        raise QueryError(f"nothing follows {sign!r}; add words or a picture after it")
    return parts


def _part(words: Sequence[str], sign: str) -> Part:
    """Return the part that consists of these words."""
    text = " ".join(words)
    weight = 1.0
    weighted = _WEIGHTED.fullmatch(text)
    if weighted and text != STDIN:
        weight, text = float(weighted[1]), weighted[2]
    return Part(text, weight if sign == "+" else -weight)
