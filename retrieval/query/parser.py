"""The words of a command as the parts of a query: `"2: red car" + photo.jpg - truck`, as rclip has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from indexer.errors import QueryError

STDIN = "-"
"""A part that stands for what comes from standard input."""

CLIPBOARD = "clipboard:"
"""A part that stands for the picture in the clipboard."""

_WEIGHTED = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*:\s*(.*)", flags=re.DOTALL)


class Part(NamedTuple):
    """One part of a query as it was typed: words, the name of a picture, an address, or `STDIN`."""

    value: str
    weight: float = 1.0


def is_url(value: str) -> bool:
    """Return whether a part is an address on the web."""
    return value.lower().startswith(("http://", "https://"))


def parse_parts(words: Sequence[str]) -> list[Part]:
    """Return the parts of a query in their order.

    `+` and `-` stand alone, before a part that is to be added or taken away; words that follow each other are one part,
    as if they stood in quotes. A number and a colon before a part are its weight; `1:` before words that begin like
    this themselves keeps them. A `-` where no part follows is standard input.

        "a boat" + ./sunset.jpg - people      three parts, weights 1, 1, -1
        2: red car - truck                    two parts, weights 2, -1
        - + "at night"                        standard input and words

    Args:
        words: As a shell splits them.

    Raises:
        QueryError: A sign has no part behind it, a part is blank, or a weight is 0.
    """
    parts: list[Part] = []
    sign, piece = "+", list[str]()
    for number, word in enumerate(words):
        if word == STDIN and not piece and (number + 1 == len(words) or words[number + 1] in ("+", "-")):
            piece = [STDIN]
        elif word in ("+", "-"):
            if piece:
                parts.append(_part(piece, sign))
            elif number:
                raise QueryError(
                    f"there is nothing between {words[number - 1]!r} and {word!r}; put a part between them"
                )
            sign, piece = word, []
        else:
            piece.append(word)
    if piece:
        return [*parts, _part(piece, sign)]
    if words:
        raise QueryError(f"nothing follows {sign!r}; put words or a picture behind it")
    return parts


def _part(words: Sequence[str], sign: str) -> Part:
    text = " ".join(words)
    weight = 1.0
    found = _WEIGHTED.fullmatch(text)
    if found and text != STDIN:
        weight, text = float(found[1]), found[2]
        if weight == 0:
            raise QueryError(f"the part {text!r} has the weight 0; expected a number above 0, or leave the part out")
    if not text.strip():
        raise QueryError('the query text is blank; describe what is to be seen, for instance "a dog on the beach"')
    return Part(text, weight if sign == "+" else -weight)
