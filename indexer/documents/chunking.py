"""Long text split into chunks that an encoder reads to their end."""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from indexer.documents.boundaries import boundaries, unwrapped

logger = logging.getLogger(__name__)

Fits = Callable[[Sequence[str]], list[bool]]
"""`Encoder.fits`."""

MAX_CHUNK_LENGTH = 2_000
"""Characters of a chunk, at most: no encoder reads more, so longer texts need not be tokenized."""

MAX_QUERY_LENGTH = 10_000
"""Characters of a query that are read, at most: truncating a longer one could take minutes."""

_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s*")
_JOINERS = "\u200d\ufe0e\ufe0f"
"""Characters that join two emoji, or select how the previous one is displayed."""


def split_text(text: str, fits: Fits, *, markdown: bool = False) -> list[str]:
    """Return a text as chunks that fit an encoder, as few as its structure allows; none is blank.

    A chunk ends at the end of a section, paragraph, line or sentence, whichever is the strongest that fits. A sentence
    that does not fit is split between words, and a word that does not fit between characters. Together the chunks
    are the whole text, except for white space at their ends and for line ends in the middle of a sentence.

    Args:
        text: Any text.
        fits: `Encoder.fits`.
        markdown: Whether to keep headings with the text below them, and fenced code together.
    """
    text = unwrapped(text.replace("\r\n", "\n").replace("\r", "\n").strip())
    kinds = boundaries(text, markdown=markdown)
    chunks = []
    start = 0
    while start < len(text):
        end = _chunk_end(text, start, kinds, fits)
        chunks.append(text[start:end].rstrip())
        start = _skip_space(text, end)
    return chunks


def _chunk_end(text: str, start: int, kinds: Sequence[Sequence[int]], fits: Fits) -> int:
    """Return where the longest chunk ends that fits and stops at the strongest possible boundary."""
    reach = min(start + MAX_CHUNK_LENGTH, len(text))
    if reach == len(text) and fits([text[start:]])[0]:
        return reach
    for positions in kinds:
        candidates = positions[bisect_right(positions, start) : bisect_right(positions, reach)]
        if end := _last_fitting(candidates, text, start, fits):
            return end
    return _word_end(text, start, reach, fits)


def _word_end(text: str, start: int, reach: int, fits: Fits) -> int:
    """Return the end of the last word up to which a text fits; if its first word does not fit, a position inside it."""
    is_split = reach < len(text) and not text[reach].isspace()
    words = [match.end() for match in _WORD.finditer(text, start, reach)]
    if end := _last_fitting(words[:-1] if is_split else words, text, start, fits):
        return end
    end = character_end = _last_fitting(range(start + 1, reach + 1), text, start, fits) or start + 1
    while start < character_end < len(text) and _joins(text, character_end):
        character_end -= 1
    return character_end if character_end > start else end


def _joins(text: str, position: int) -> bool:
    """Return whether the characters before and after a position are displayed as one."""
    return bool(unicodedata.combining(text[position])) or text[position] in _JOINERS or text[position - 1] == "\u200d"


def _last_fitting(ends: Sequence[int], text: str, start: int, fits: Fits) -> int:
    """Return the last of these ascending positions up to which a text fits, 0 if there is none."""

    def is_too_long(end: int) -> bool:
        return not fits([text[start:end]])[0]

    count = 1  # doubled first: chunks are short, and short texts are tokenized faster
    while count < len(ends) and not is_too_long(ends[count - 1]):
        count *= 2
    bound = count - 1 if count < len(ends) else len(ends)
    number = bisect_left(ends, 1, lo=count // 2, hi=bound, key=is_too_long)
    return ends[number - 1] if number else 0


def _skip_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def truncate(text: str, fits: Fits) -> str:
    """Return the first words of a text, as many as fit an encoder; if the first word does not fit, a part of it."""
    if fits([text])[0]:
        return text
    return text[: _word_end(text, 0, min(MAX_QUERY_LENGTH, len(text)), fits)]


def truncate_queries(texts: Sequence[str], fits: Fits) -> list[str]:
    """Return query texts as far as an encoder reads them, and log a warning for each that is cut."""
    truncated = [truncate(text, fits) for text in texts]
    for text, beginning in zip(texts, truncated, strict=True):
        if len(beginning) < len(text):
            logger.warning(
                "the query is longer than the encoder reads: the first %d of its %d words count, up to: …%s",
                len(beginning.split()),
                len(text.split()),
                beginning[-30:],
            )
    return truncated
