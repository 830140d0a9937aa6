"""Which words of a query carried a hit: each is left out once, and the score compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.errors import QueryError
from indexer.types import Vectors
from retrieval.query.embed import combine_parts
from retrieval.query.query import Query

MOST = 64
"""Words that are left out in turn, those of the longest captions; what follows them is not looked at."""


@dataclass(frozen=True, slots=True)
class WordEffect:
    """What one word, or one whole part, does for a score.

    Attributes:
        part: Number of the part in the query, from 0, texts first.
        word: The word; None for the whole part.
        effect: The score with it less the score without it: above 0 it speaks for the hit.
    """

    part: int
    word: str | None
    effect: float


def word_effects(
    query: Query, parts: Vectors, unit: Vectors, encode: Callable[[Sequence[str]], Vectors]
) -> list[WordEffect]:
    """Return what each word of the texts does for the score of a unit, and of several parts what each part does.

    A text of one word has no other reading to compare with, so that only several parts tell something about it. This is
    leave-one-out (occlusion, Zeiler and Fergus 2014) on words.

    Args:
        query: What was asked.
        parts: Unit vectors of its parts, shape (p, d).
        unit: Embedding of what was found, shape (d,), unit length.
        encode: Gives the unit vectors of texts, shape (n, d), as it gave those of the parts.
    """
    weights = query.part_weights
    full = float(combine_parts(parts, weights) @ unit)
    found = []
    if len(parts) > 1:
        for number in range(len(parts)):
            rest = [row for row in range(len(parts)) if row != number]
            score = _score(parts[rest], [weights[row] for row in rest], unit)
            if score is not None:
                found.append(WordEffect(number, None, full - score))
    left_out = list(_left_out(query.texts))
    vectors = encode([text for _, _, text in left_out])
    for (number, word, _), vector in zip(left_out, vectors, strict=True):
        changed = parts.copy()
        changed[number] = vector
        score = _score(changed, weights, unit)
        if score is not None:
            found.append(WordEffect(number, word, full - score))
    return found


def _left_out(texts: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yield part, word, and the part's text without that word."""
    for number, text in enumerate(texts):
        words = text.split()
        for place, word in enumerate(words[:MOST] if len(words) > 1 else []):
            yield number, word, " ".join(words[:place] + words[place + 1 :])


def _score(parts: Vectors, weights: Sequence[float], unit: Vectors) -> float | None:
    """Return the score of a unit, None where what is left of the query cancels out."""
    try:
        return float(np.dot(combine_parts(parts, weights), unit))
    except QueryError:
        return None
