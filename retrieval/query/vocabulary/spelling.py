"""Words that are spelled like another."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

ALIKE = 0.75
"""Least similarity of a suggestion's spelling, by `difflib`: elefant and elephant have .8."""

NEARLY_EQUAL = 0.9
"""Least similarity of two spellings of one word: ballon and balloon have .92. Of 1,500 English words that compact's
captions lack, 1.4 % are spelled so much like one of its commonest words (settling and setting)."""


def similar_spellings(word: str, words: Sequence[str], *, count: int, least: float = ALIKE) -> list[str]:
    """Return the words that are spelled most like a word, at most `count`; of equal ones the first.

    Args:
        word: A word, in any case.
        words: Words in lower case.
        count: Words to return, at most.
        least: Least similarity, 0 to 1.
    """
    key = word.casefold()
    near = [other for other in words if abs(len(other) - len(key)) < 3 and other[:1] == key[:1]]
    return get_close_matches(key, near, count, least)
