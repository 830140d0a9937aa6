"""The words and emoji of a text that an encoder may know or not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ENDINGS = ("s", "t", "d", "m", "re", "ve", "ll")
"""What may follow an apostrophe in English: a dog's, don't, I'd, I'm, we're, I've, she'll."""

_NAME = re.compile(r"[\d_/\\@#]|\w\.\w")
"""What is in names of files, addresses and numbers, and in no word."""


def query_terms(text: str) -> list[str]:
    """Return the distinct words and emoji of a text, as they are written.

    What looks like the name of a file, an address or a number is left out: no encoder needs to know it. An emoji is one
    run of signs without blanks. A possessive's 's and a French l' are cut off.
    """
    terms: dict[str, str] = {}
    normal = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for token in normal.split():
        if not _NAME.search(token):
            for term in (*_words(token), *_emoji(token)):
                terms.setdefault(term.casefold(), term)
    return list(terms.values())


def _words(token: str) -> Iterator[str]:
    letters = (letter if letter == "'" or unicodedata.category(letter)[0] in "LM" else " " for letter in token)
    for word in "".join(letters).split():
        first, _, last = word.strip("'").partition("'")
        term = first if not last or last.casefold() in _ENDINGS else last
        if any(letter.isalpha() for letter in term) and (len(term) > 1 or not term.isascii()):
            yield term


def _emoji(token: str) -> Iterator[str]:
    signs = "".join(" " if sign.isalnum() or sign.isascii() else sign for sign in token)
    for run in signs.replace("\N{VARIATION SELECTOR-16}", "").split():
        if any(unicodedata.category(sign) == "So" for sign in run):
            yield run
