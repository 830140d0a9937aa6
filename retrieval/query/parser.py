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

WEIGHT = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)\s*:")
"""A weight that is a word of its own."""

_WEIGHTED = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*:(?!\d)\s*(.*)", flags=re.DOTALL)
"""A weight and its part. A number and a colon that a digit follows are words: 16:9, 3:10 to Yuma."""


def is_url(text: str) -> bool:
    """Return whether a text is an address on the web."""
    return text.lower().startswith(("http://", "https://"))


def parse_parts(words: Sequence[str], *, has_weights: bool = True) -> list[Part]:
    """Return the parts of a query in their order, all of them as text: also names of pictures, addresses and `STDIN`.

    A `+` or `-` that is a word of its own adds or subtracts the part that follows. Words in a row are one part, as if
    they were quoted. A number and a colon before a part are its weight, unless a digit follows directly; `1:` keeps a
    text that begins in this form. A `-` that no part follows is standard input.

        "a boat" + ./sunset.jpg - people      three parts, weights 1, 1, -1
        2: red car - truck                    two parts, weights 2, -1
        - + "at night"                        standard input and a text

    Args:
        words: Words as a shell splits them.
        has_weights: Whether a number and a colon before a part are its weight, and not words.

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
                parts.append(_part(pending, sign, has_weights=has_weights))
            elif number:
                raise QueryError(f"there is nothing between {words[number - 1]!r} and {word!r}; add a part there")
            sign, pending = word, []
        else:
            pending.append(word)
    if pending:
        return [*parts, _part(pending, sign, has_weights=has_weights)]
    if words:
        raise QueryError(f"nothing follows {sign!r}; add words or a picture after it")
    return parts


def keep_lone_number(parts: Sequence[Part], words: Sequence[str]) -> list[Part]:
    """Return the parts of a query, a lone text with its number: "2001: A Space Odyssey" has no weight.

    Args:
        parts: What `parse_parts` made of the words, with pictures in the place of their names.
        words: The words.
    """
    text = parts[0].content if len(parts) == 1 and abs(parts[0].weight) != 1 else None
    is_text = isinstance(text, str) and parse_parts(words)[0].content == text  # not what standard input has
    return parse_parts(words, has_weights=False) if is_text else list(parts)


def _part(words: Sequence[str], sign: str, *, has_weights: bool) -> Part:
    """Return the part that consists of these words."""
    text = " ".join(words)
    weight = 1.0
    weighted = _WEIGHTED.fullmatch(text) if has_weights else None
    if weighted:
        weight, text = float(weighted[1]), weighted[2]
    return Part(text, weight if sign == "+" else -weight)
