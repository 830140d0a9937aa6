"""The form in which names and labels are compared: without case, and in one Unicode spelling."""

from __future__ import annotations

import unicodedata


def text_key(text: str) -> str:
    """Return text for comparisons that ignore case and the two Unicode spellings of letters with accents, in NFC.

    This is the canonical caseless match of the Unicode Standard (section 3.13, D145). Additionally the Turkish letters
    I with a dot and i without one count as i, whose other case they are.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFD", text).casefold()
    plain = unicodedata.normalize("NFD", folded).replace("i\N{COMBINING DOT ABOVE}", "i")
    return unicodedata.normalize("NFC", plain.replace("\N{LATIN SMALL LETTER DOTLESS I}", "i"))
