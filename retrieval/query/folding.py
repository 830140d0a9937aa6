"""The form of words in which those of a query are compared."""

from __future__ import annotations

import unicodedata


def fold_text(text: str) -> str:
    """Return text in lower case, without accents, with plain apostrophes and single spaces."""
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{LEFT SINGLE QUOTATION MARK}", "'")
    letters = (letter for letter in unicodedata.normalize("NFD", plain.casefold()) if not unicodedata.combining(letter))
    return " ".join("".join(letters).split())
