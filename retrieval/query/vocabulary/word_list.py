"""The words that an encoder knows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from indexer.encoders.base import Encoder

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, eq=False)
class WordList:
    """The words that an encoder's training texts use often enough.

    Attributes:
        raw: The file: UTF-8, one word a line in lower case, the commonest first. A word is looked up by a search in
            these bytes, which takes .05 ms; a set of 11,000 words takes 2 ms to make.
    """

    raw: bytes

    def __contains__(self, word: str) -> bool:
        return b"\n%b\n" % word.encode() in self.raw

    def has(self, word: str) -> bool:
        """Return whether the list has a word, or the one that it is an inflection of, in any case."""
        key = word.casefold()
        return key in self or any(stem in self for stem in _stems(key))

    def words(self) -> list[str]:
        """Return all words, the commonest first."""
        return self.raw.decode().split()


def word_list(encoder: Encoder) -> WordList | None:
    """Return the words that an encoder, without an adapter, knows; None if nobody has listed them."""
    return _read(FOLDER / words_file_name(encoder.fingerprint))


def words_file_name(fingerprint: str) -> str:
    """Return the name of the file with an encoder's words."""
    return f"words-{fingerprint[:16]}.txt"


@cache
def _read(file: Path) -> WordList | None:
    try:
        return WordList(b"\n" + file.read_bytes())
    except OSError:
        return None


def without_accents(word: str) -> str:
    """Return a word with plain letters: café -> cafe."""
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def _stems(word: str) -> Iterator[str]:
    """Yield what a word may be an inflection of, by English spelling: plurals, -ing, -ed, -er, -est, -ly."""
    for ending, stems in _INFLECTIONS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            yield from (stem + end for end in stems)
            if ending[0] in "ei" and stem[-1] == stem[-2]:
                yield stem[:-1]  # running, bigger


_INFLECTIONS = (
    ("s", ("",)), ("es", ("",)), ("ies", ("y",)), ("ves", ("f", "fe")),
    ("ing", ("", "e")), ("ed", ("", "e")), ("ied", ("y",)),
    ("er", ("", "e")), ("ier", ("y",)), ("est", ("", "e")), ("iest", ("y",)), ("ly", ("",)), ("ily", ("y",)),
)  # fmt: skip
