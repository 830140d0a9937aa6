"""Finds cameras of the library in a text.

- After "with my", "taken with", "shot on" and the like: the maker, the model or a part of it, "with my iPhone".
- Without such words only a maker of cameras, or a model with a number, at the end or alone: "beach Canon", "D750".

"a Nikon camera", "a woman with an iPhone" and "an apple" stay words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements.cameras import camera_names
from retrieval.query.folding import fold_text
from retrieval.query.understanding.tokens import Marks, Phrase, Token, line, spans, word_set
from retrieval.query.understanding.triggers import MAKERS

_INTRODUCTION = re.compile(
    r"(?<!\S)(?:(?:(?:taken|shot|made|photographed|captured) )?(?:with|by|on|from) (?:my|our)"
    r"|(?:taken|shot|made|photographed|captured) (?:with|by|on)(?: (?:an?|the))?"
    r"|(?:aufgenommen )?(?:mit|von) (?:meine[rmn]?|unsere[rmn]?)|avec (?:mon|ma|notre)|con (?:mi|la mia|il mio|nuestra)"
    r"|met mijn|com (?:meu|minha|a minha|o meu)) (?=\S)"
)
"""What stands before the camera that a photo was taken with."""

_MODEL = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9-]{2,}")
"""A model: letters and digits, as D750 or X100V."""

_COMMON_WORDS = word_set("apple camera digital phone red one mobile company corporation")
"""Parts of names of cameras that alone mean another thing: a red apple."""

_MOST_WORDS = 6


class _Candidate(NamedTuple):
    start: int
    name_start: int


def find_cameras(tokens: Sequence[Token], marks: Marks, connection: Connection) -> Iterator[Phrase]:
    """Yield the cameras in a text.

    Args:
        tokens: The words of the text.
        marks: What belongs to other phrases; a bare name must stand next to these or at the end.
        connection: Connection to the catalog.
    """
    text = line(tokens)
    introduced = [_Candidate(start, end - 1) for start, end, _ in spans(text, _INTRODUCTION.finditer(text))]
    bare = [_Candidate(number, number) for number, token in enumerate(tokens) if _is_camera_word(token)]
    bare += [_Candidate(number - 1, number) for _, number in bare if number and tokens[number - 1].folded == "with"]
    if not introduced and not bare:
        return
    cameras = [f" {' '.join(_words(name))} " for name in camera_names(connection)]
    for candidate in (*introduced, *sorted(bare)):
        if end := _longest(tokens, candidate.name_start, cameras):
            is_bare = candidate not in introduced
            if marks.is_free(candidate.start, end) and not (is_bare and not marks.is_complete(end)):
                name = " ".join(token.text for token in tokens[candidate.name_start : end])
                yield Phrase(candidate.start, end, Filter.camera(_pattern(name)), f"by {name}")


def _longest(tokens: Sequence[Token], start: int, cameras: Sequence[str]) -> int | None:
    """Return the number of the word after the longest name of a camera that begins with a word."""
    for end in range(min(len(tokens), start + _MOST_WORDS), start, -1):
        words = [word for token in tokens[start:end] for word in _words(token.folded)]
        if not words or not all(token.folded for token in tokens[start:end]):
            continue
        if len(words) == 1 and words[0] in _COMMON_WORDS and not tokens[start].text[:1].isupper():
            continue
        if any(f" {' '.join(words)} " in camera for camera in cameras):
            return end
    return None


def _is_camera_word(token: Token) -> bool:
    return token.folded in MAKERS or _MODEL.fullmatch(token.folded) is not None


def _words(name: str) -> list[str]:
    return re.findall(r"[\w-]+", fold_text(name))


def _pattern(name: str) -> str:
    """Return a pattern for cameras with these words."""
    return "*" + "*".join(word.replace("*", "?") for word in name.split()) + "*"
