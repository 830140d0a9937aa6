"""Long text cut into pieces that an encoder reads to their end."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

logger = logging.getLogger(__name__)

Fits = Callable[[Sequence[str]], list[bool]]
"""`Encoder.fits`."""

BLOCK = 10_000
"""Characters that are cut at a time. The splitter measures all that is left of a word or sentence without end again
for each piece of it: a word of a million letters at once takes two minutes, in such blocks a second."""

LONG = 2_000
"""Characters that no encoder reads: what is longer is too long without being looked at, which could take long."""

WRAPPED = re.compile(r"""(?<=[^\n]{40})(?<![.!?:;|])\n(?=[^\W\d_]|["'(«„“])""")
"""The end of a full line in the middle of a sentence, as mails and READMEs have them: no place to cut at."""

BEGUN = re.compile(r"(?<!\S)[^\s\u2e80-\U0010ffff]{1,40}\Z")
"""A word that goes on behind a cut: the splitter takes "it's" and "well-known" apart. Chinese and Japanese, above
U+2E80, put no space between words."""


def cut(text: str, fits: Fits, *, markdown: bool = False) -> list[str]:
    """Return a text in pieces that fit an encoder, as few as its structure allows; none of them is blank.

    Cuts come between paragraphs, else between sentences; a sentence that does not fit is cut between two words, and a
    word that does not fit between two letters. All but white space at the cuts is kept.

    Args:
        text: Of any length.
        fits: The encoder's.
        markdown: Whether headings, lists and code are kept together where they fit.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    splitter = _splitter(fits, markdown=markdown)
    parts = (part for block in _blocks(WRAPPED.sub(" ", text)) for part in splitter.chunks(block))
    return [piece.strip() for piece in _whole_words(parts, fits) if piece.strip()]


def _whole_words(parts: Iterable[str], fits: Fits) -> Iterator[str]:
    """Yield parts of a text, which joined are the text, with the words whole that a cut went through."""
    rest = ""
    for part in parts:
        begun = BEGUN.search(rest) if rest and not part[:1].isspace() else None
        if begun is None:
            if rest:
                yield rest
            rest = part
            continue
        yield rest[: begun.start()]
        rest = rest[begun.start() :] + part
        while not fits([rest])[0] and 0 < len(kept := cut_at_word(rest, fits)) < len(rest):
            yield kept
            rest = rest[len(kept) :]
    yield rest


def cut_at_word(text: str, fits: Fits) -> str:
    """Return as many words from the beginning of a text as fit an encoder, of a word that does not fit its letters."""
    if fits([text])[0]:
        return text
    text = text[:BLOCK]
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    return text[: _last(ends, text, fits) or _last(range(1, len(text) + 1), text, fits)]


def as_read(texts: Sequence[str], fits: Fits) -> list[str]:
    """Return query texts as far as an encoder reads them, cut at a word; what is cut is said in the log."""
    read = [cut_at_word(text, fits) for text in texts]
    for text, kept in zip(texts, read, strict=True):
        if len(kept) < len(text):
            logger.warning(
                "the query is longer than the encoder reads: the first %d of its %d words count, up to: …%s",
                len(kept.split()),
                len(text.split()),
                kept[-30:],
            )
    return read


def _last(ends: Sequence[int], text: str, fits: Fits) -> int:
    """Return the last of these places up to which a text fits, or 0."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if fits([text[: ends[middle - 1]]])[0]:
            low = middle
        else:
            high = middle - 1
    return ends[low - 1] if low else 0


def _splitter(fits: Fits, *, markdown: bool) -> TextSplitter | MarkdownSplitter:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # late: only texts need it

    def size(piece: str) -> int:
        return 0 if len(piece) <= LONG and fits([piece])[0] else 2

    kind = MarkdownSplitter if markdown else TextSplitter
    return kind.from_callback(size, 1, trim=False)  # what has size 0 is below the capacity, so that more may join it


def _blocks(text: str) -> Iterator[str]:
    """Yield a text in parts of at most BLOCK characters, cut between paragraphs, else lines, else words."""
    start = 0
    while len(text) - start > BLOCK:
        window = text[start : start + BLOCK]
        places = (window.rfind(mark) + len(mark) for mark in ("\n\n", "\n", " "))
        end = start + next((place for place in places if place > BLOCK // 2), BLOCK)
        yield text[start:end]
        start = end
    yield text[start:]
