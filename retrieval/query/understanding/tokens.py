"""The words of a text, and phrases among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from indexer.catalog.filters.expression import Filter
from retrieval.query.folding import fold_text

_TOKEN = re.compile(r'"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|\S+')
_QUOTES = '"“„«'
_PUNCTUATION = ",;:.!?"


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


_OPENERS = word_set(
    "in at on near with from by and or to for during around while under over of im am bei mit aus von und auf a en "
    "de avec et dans con y per e com met op"
)
"""Words that begin something new, so that what precedes them is complete."""

NEGATORS = word_set(
    "no not without except excluding but ohne kein keine keinen ausser aber sans sauf mais sin excepto pero senza "
    "tranne zonder geen behalve sem exceto mas"
)
"""Words with which a negation begins, in text as `fold_text` returns it."""


class Token(NamedTuple):
    """A word of a text.

    Attributes:
        text: The word as it was typed, without the punctuation at its end.
        folded: The word as `fold_text` returns it; "" for a quoted part, which is never understood.
        mark: The punctuation at its end.
    """

    text: str
    folded: str
    mark: str


class Phrase(NamedTuple):
    """Words that become a filter.

    Attributes:
        start: Number of its first word.
        end: Number of the word after its last one.
        where: The filter.
        name: What it filters by, for instance "taken 2019".
    """

    start: int
    end: int
    where: Filter
    name: str


def split(text: str) -> list[Token]:
    """Return the words of a text; a part in double quotes is one word."""
    tokens = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word[0] in _QUOTES and len(word) > 1:
            tokens.append(Token(word, "", ""))
            continue
        plain = word.rstrip(_PUNCTUATION)
        if plain:
            tokens.append(Token(plain, fold_text(plain), word[len(plain) :]))
        elif tokens:  # punctuation that stands alone
            tokens[-1] = tokens[-1]._replace(mark=word)
    return tokens


def line(tokens: Sequence[Token]) -> str:
    """Return the folded words with blanks between them; a quoted part is a NUL."""
    return " ".join(token.folded or "\0" for token in tokens)


class Marks:
    """Which words of a text belong to phrases."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self._used: set[int] = set()

    def add(self, phrase: Phrase) -> None:
        """Mark the words of a phrase."""
        self._used.update(range(phrase.start, phrase.end))

    def is_free(self, start: int, end: int) -> bool:
        """Return whether no word from `start` to `end` belongs to a phrase."""
        return self._used.isdisjoint(range(start, end))

    def is_complete(self, end: int) -> bool:
        """Return whether a phrase can end before a word: at the end, at a sign, or before what begins something new."""
        if end >= len(self.tokens) or end in self._used or self.tokens[end - 1].mark:
            return True
        following = self.tokens[end].folded
        return following in _OPENERS or following in NEGATORS

    def rest(self) -> str:
        """Return the words that belong to no phrase, as they were typed."""
        words: list[str] = []
        for number, token in enumerate(self.tokens):
            if number not in self._used:
                is_last = number + 1 == len(self.tokens) or number + 1 in self._used
                words.append(token.text + ("" if is_last and token.mark[:1] in (",", ";", ":") else token.mark))
        return " ".join(words)


def spans(text: str, matches: Iterable[re.Match[str]]) -> list[tuple[int, int, re.Match[str]]]:
    """Return the numbers of the first word and of the word after the last one of each match in a line."""
    return [
        (text.count(" ", 0, match.start()), text.count(" ", 0, match.end()) + 1, match) for match in matches if match[0]
    ]
