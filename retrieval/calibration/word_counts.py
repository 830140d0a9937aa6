"""How common the words of a query are in captions: people photograph dogs more often than submarines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from math import log
from pathlib import Path
from typing import NamedTuple

from indexer.catalog.statements.fulltext import query_words

_FILE = Path(__file__).parent / "word_counts.txt"

RAREST = log(1e-4)
"""The least log share that a word has; unknown words have it too."""

MOST_WORDS = 16
"""Queries with more words count as if they had this many."""

_PICTURE_WORDS = frozenset(("photo", "photos", "picture", "pictures", "image", "images", "photograph"))
"""What "a photo of a dog" says besides the dog."""


class WordFacts(NamedTuple):
    """What is known of the words of a query.

    Attributes:
        rarity: Natural logarithm of the share of captions that contain its rarest word, `RAREST` to 0.
        length: Natural logarithm of its number of words, at least 0.
    """

    rarity: float
    length: float


def word_facts(text: str) -> WordFacts:
    """Return the facts about the words of a text; stop words such as "a" are not counted."""
    words = [word for word in split_words(" ".join(query_words(text))) if word not in _PICTURE_WORDS]
    captions, counts = _word_counts()
    shares = [(max(counts.get(form, 0) for form in _forms(word)) + 1) / captions for word in words]
    rarity = max(log(min(shares)), RAREST) if shares else RAREST
    return WordFacts(rarity, log(min(max(len(words), 1), MOST_WORDS)))


def without_names(text: str, names: Iterable[str]) -> str:
    """Return a text without the words that are names in a library and in no caption: of "dogs in Germany", "dogs in".

    Such a word says where to look, not what is seen. If nothing else is left, the text is returned as it is.
    """
    _, counts = _word_counts()
    unseen = {
        name for name in names if not any(counts.get(form) for part in split_words(name) for form in _forms(part))
    }
    rest = " ".join(word for word in query_words(text) if word not in unseen)
    return rest or text


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case and without accents: runs of Latin letters."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall("[a-z]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))


def format_counts(captions: int, counts: Iterable[tuple[str, int]]) -> str:
    """Return the content of the file of counts: the number of captions, then a word and its count on each line."""
    return "".join([f"{captions}\n", *(f"{word} {count}\n" for word, count in counts)])


@cache
def _word_counts() -> tuple[int, dict[str, int]]:
    """Return the number of captions, and how many of them contain each word."""
    first, *lines = _FILE.read_text(encoding="ascii").splitlines()
    return int(first), {word: int(count) for word, count in (line.split() for line in lines)}


def _forms(word: str) -> list[str]:
    """Return a word with the other forms that it is likely to have: plural and singular, and without -ing."""
    forms = [word, f"{word}s", f"{word}es"]
    if word.endswith("s"):
        forms += [word[:-1], word[:-2]] if word.endswith("es") else [word[:-1]]
    if word.endswith("ing"):
        forms += [word[:-3], f"{word[:-3]}e"]
    return forms
