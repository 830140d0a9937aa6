"""Finds private words in texts, whatever their case and the signs that a keyboard writes for them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from indexer.catalog.statements.private_words import WordRecord
from indexer.catalog.words import UNSPACED

PHOTO_SHARE = 0.5
"""Share of the photos in the vector of a text that also has other words; chosen by tests/bench/words.py."""

_SIGNS = {
    "'": "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"
    "\N{MODIFIER LETTER APOSTROPHE}\N{MODIFIER LETTER TURNED COMMA}\N{PRIME}\N{ACUTE ACCENT}\N{GRAVE ACCENT}",
    '"': "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}"
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
    "-": "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}",
    "": "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}",
}
"""Signs that phones and word processors write in place of others, and those that nobody sees."""

_PLAIN = {ord(other): sign for sign, others in _SIGNS.items() for other in others}

_HANGUL = "\uac00-\ud7a3"

_PARTICLES = (
    "\uc774|\uac00|\uc740|\ub294|\uc744|\ub97c|\uc640|\uacfc|\uc758|\ub3c4|\ub9cc|\uc5d0|\uc5d0\uac8c|\uc5d0\uc11c"
    "|\ub85c|\uc73c\ub85c|\ub791|\uc774\ub791|\ud558\uace0|\ud55c\ud14c|\uaed8\uc11c|\uc57c|\uc544"
)
"""Korean particles, which follow a name without a blank (i, ga, eun, neun, eul, reul, wa, gwa, ui, do, man, …)."""


class ParsedText(NamedTuple):
    """A text split into private words and the rest.

    Attributes:
        words: The private words, each once.
        rest: The text without them, "" if nothing is left.
    """

    words: tuple[WordRecord, ...]
    rest: str

    @property
    def photo_share(self) -> float:
        """How much of the text's vector comes from photos, 0 to 1."""
        return 0.0 if not self.words else PHOTO_SHARE if self.rest else 1.0


def plain_text(text: str) -> str:
    """Return text with plain apostrophes, quotes, dashes and letters of usual width, in Unicode NFKC."""
    return unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)


def word_key(word: str) -> str:
    """Return what two spellings of one private word have in common."""
    return " ".join(unicodedata.normalize("NFC", plain_text(word).casefold()).split())


def parse(text: str, words: Sequence[WordRecord]) -> ParsedText:
    """Split a text into private words and the rest.

    Words match as whole words in any case, with any kind of apostrophe, quote and dash. In scripts without blanks
    between words (Chinese, Japanese, Thai, …) they match inside a run of letters. Where several match, the longest
    counts.
    """
    if not words:
        return ParsedText((), text)
    by_length = sorted(words, key=lambda record: -len(record.word))
    pattern = "|".join(f"({_pattern(plain_text(record.word))})" for record in by_length)
    matched: dict[int, WordRecord] = {}
    plain = plain_text(text)

    def remove(match: re.Match[str]) -> str:
        following = plain[match.end() : match.end() + 1]
        if following and unicodedata.category(following).startswith("M"):  # a vowel or tone: the last letter is another
            return match[0]
        record = by_length[(match.lastindex or 1) - 1]
        matched.setdefault(record.id, record)
        return " "

    rest = " ".join(re.sub(pattern, remove, plain, flags=re.IGNORECASE).split())
    if not matched:
        return ParsedText((), text)
    return ParsedText(tuple(matched.values()), rest if any(letter.isalnum() for letter in rest) else "")


def is_picture_name(word: str) -> bool:
    """Return whether a query would take a word for the name of a picture's file."""
    if os.sep in word and " " not in word and os.path.isfile(word):
        return True
    if "." not in word:
        return False
    from indexer.images import is_photo_name  # late: most words need no picture library

    return is_photo_name(word)


def _pattern(word: str) -> str:
    """Return the regular expression of a word: no letter of a script with blanks stands directly next to it."""
    first, last = word[:1], word[-1:]
    letter = rf"[^\W{UNSPACED}]"
    before = "" if re.match(f"[{UNSPACED}]", first) else f"(?<!{letter})"
    after = "" if re.match(f"[{UNSPACED}]", last) else f"(?!{letter})"
    if re.match(f"[{_HANGUL}]", last):
        after = rf"(?=(?:{_PARTICLES})?(?!\w))"
    return before + r"\s+".join(map(re.escape, word.split())) + after
