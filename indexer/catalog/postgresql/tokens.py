"""The words of a text exactly as SQLite's full-text index has them, for the same words find the same items."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

_BLOCK = 256
"""Characters that are learnt together."""

_MAX_WORD = 500
"""Letters of a word that count: PostgreSQL indexes up to 2,046 bytes, and no word has as many."""

_MAX_BYTES = 900_000
"""Bytes of a text's words that count: PostgreSQL indexes up to a megabyte. Chunks and metadata have far fewer."""


class _Fts5Folding(dict[int, str]):
    """What FTS5's tokenizer "unicode61 remove_diacritics 2" makes of characters, each by itself.

    A letter becomes another one or stays, a mark that belongs to a letter vanishes, and what is in no word separates
    words. FTS5 itself is asked, once for each block of characters.
    """

    def __missing__(self, code: int) -> str:
        first = code - code % _BLOCK
        codes = [code for code in range(first, first + _BLOCK) if not 0xD800 <= code < 0xE000]  # they are no characters
        self.update(dict.fromkeys(range(first, first + _BLOCK), " ") | _learnt(codes))
        return self[code]


def _learnt(codes: list[int]) -> dict[int, str]:
    """Return what FTS5 makes of characters, of those that are in words."""
    catalog = sqlite3.connect(":memory:")
    try:
        catalog.execute('CREATE VIRTUAL TABLE t USING fts5(x, tokenize="unicode61 remove_diacritics 2")')
        catalog.execute("CREATE VIRTUAL TABLE words USING fts5vocab(t, 'instance')")
        # between letters: alone, a mark would look like what separates words
        catalog.executemany("INSERT INTO t (rowid, x) VALUES (?, ?)", ((code, f"a{chr(code)}b") for code in codes))
        words = catalog.execute("SELECT doc, min(term) FROM words GROUP BY doc HAVING count(*) = 1")
        return {code: word[1:-1] for code, word in words}
    finally:
        catalog.close()


_FOLDING = _Fts5Folding()


def tokens(text: str) -> list[str]:
    """Return the words of a text in their order, folded as FTS5 does it."""
    words = [word[:_MAX_WORD] for word in text.translate(_FOLDING).split(" ") if word]
    if len(text) * 4 < _MAX_BYTES:
        return words
    size, number = 0, 0
    while number < len(words) and (size := size + len(words[number].encode()) + 1) < _MAX_BYTES:
        number += 1
    return words[:number]


def stored_form(words: Iterable[str]) -> str:
    """Return words with a blank before and after each one, so that a phrase is found in them as a part of the text."""
    return "".join(f" {word} " for word in words)
