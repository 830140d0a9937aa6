"""Nouns of German, French, Spanish, Italian, Portuguese and Dutch, and emoji, with their English words."""

from __future__ import annotations

from functools import cache
from pathlib import Path

NOUNS_FILE = Path(__file__).parent / "nouns.tsv"
"""Lines of word, language and English words, sorted; its makers and licences are in LICENSE.md beside it."""

_INFLECTIONS = (
    ("s", ""), ("es", ""), ("x", ""), ("n", ""), ("en", ""), ("e", ""), ("er", ""), ("aux", "al"), ("ões", "ão"),
    ("ães", "ão"), ("i", "o"), ("i", "e"), ("e", "a"), ("ces", "z"),
)  # fmt: skip
"""Endings of plurals, and what the noun has instead."""

_SHORTEST = 3
"""Letters that are left of a noun without an ending, at least."""


def english_words(word: str) -> list[str]:
    """Return the English words of a noun or emoji as it is in the table, in any case; those of all languages."""
    found: dict[str, None] = {}
    key = b"\n%b\t" % word.casefold().encode()
    table = _read()
    start = table.find(key)
    while start >= 0:
        line = table[start + len(key) : table.index(b"\n", start + 1)].decode()
        found |= dict.fromkeys(line.split("\t")[1:])
        start = table.find(key, start + 1)
    return list(found)


def english_of_inflected(word: str) -> list[str]:
    """Return the English words of a noun in the plural."""
    key = word.casefold()
    stems = (key.removesuffix(ending) + end for ending, end in _INFLECTIONS if key.endswith(ending))
    found = (english_words(stem) for stem in stems if len(stem) >= _SHORTEST)
    return list(dict.fromkeys(english for words in found for english in words))


@cache
def _read() -> bytes:
    try:
        return b"\n" + NOUNS_FILE.read_bytes()
    except OSError:
        return b"\n"
