"""Cleaning of texts before they are split into tokens, as open_clip's tokenizers do it; the names are open_clip's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

PLAIN = re.compile(r"[\t\n -%'-~]*")
"""Texts that ftfy and `html.unescape` return unchanged, so that they need not be imported (ftfy takes 50 ms).

On ASCII ftfy's repair of encodings stops at once. Of its other steps, unescaping HTML needs "&"; removing terminal
colours and control characters needs codes below 32, of which only tab and newline are here; line breaks need "\\r"; the
rest replaces characters outside ASCII. `html.unescape` needs "&" too.
"""

_PUNCTUATION = str.maketrans("", "", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def lower(text: str) -> str:
    """Return a text repaired, with single spaces and in lower case."""
    return whitespace(text).lower()


def whitespace(text: str) -> str:
    """Return a text repaired and with single spaces."""
    return " ".join(_repair(text).split())


def canonicalize(text: str) -> str:
    """Return a text repaired, without punctuation, with single spaces and in lower case."""
    words = _repair(text).replace("_", " ").translate(_PUNCTUATION).lower()
    return " ".join(words.split())


def _unchanged(text: str) -> str:
    return text


def _repair(text: str) -> str:
    """Return a text with wrong encodings and HTML entities resolved."""
    if PLAIN.fullmatch(text):
        return text
    from html import unescape  # late, like ftfy, which imports it

    import ftfy  # late: see PLAIN

    return unescape(unescape(ftfy.fix_text(text)))


CLEANERS: Mapping[str, Callable[[str], str]] = {
    "whitespace": whitespace,
    "lower": lower,
    "canonicalize": canonicalize,
    "": _unchanged,
}
"""Cleaning functions by open_clip's name; "" does nothing."""
