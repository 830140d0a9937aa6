"""Effect of each word of a query on a score: the word is left out, and the scores are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.errors import QueryError
from indexer.types import Vectors
from retrieval.query.encoded import EncodedQuery, combine_parts

MAX_WORDS = 64
"""Maximum number of words that are left out in turn, that of the longest captions; later words are not examined."""


@dataclass(frozen=True, slots=True)
class WordEffect:
    """The effect of one word, or of one whole part of the query, on a score.

    Attributes:
        part: Number of the part in the query, from 0, texts first.
        word: The word; None for the whole part.
        effect: The score with it minus the score without it; a positive effect speaks for the hit.
    """

    part: int
    word: str | None
    effect: float


def word_effects(query: EncodedQuery, unit: Vectors, encode: Callable[[Sequence[str]], Vectors]) -> list[WordEffect]:
    """Return the effect of each part, if there are several, and of each word of the texts on the score of a unit.

    A text of one word has no words to compare, so it has an effect only as a part. This is leave-one-out (occlusion,
    Zeiler and Fergus 2014) on words.

    Args:
        query: The query.
        unit: Embedding of the unit, shape (d,), unit length.
        encode: Returns the unit vectors of texts, shape (n, d), as it did for the parts.
    """
    parts, weights = query.vectors, query.weights
    full = float(query.vector @ unit)
    effects = []
    if len(parts) > 1:
        for number in range(len(parts)):
            rest = [row for row in range(len(parts)) if row != number]
            score = _score(parts[rest], [weights[row] for row in rest], unit)
            if score is not None:
                effects.append(WordEffect(number, None, full - score))
    shortened = list(_without_each_word(query.query.texts))
    vectors = encode([text for _, _, text in shortened])
    for (number, word, _), vector in zip(shortened, vectors, strict=True):
        changed = parts.copy()
        changed[number] = vector
        score = _score(changed, weights, unit)
        if score is not None:
            effects.append(WordEffect(number, word, full - score))
    return effects


def _without_each_word(texts: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yield part, word, and the part's text without that word."""
    for number, text in enumerate(texts):
        words = text.split()
        for position, word in enumerate(words[:MAX_WORDS] if len(words) > 1 else []):
            yield number, word, " ".join(words[:position] + words[position + 1 :])


def _score(parts: Vectors, weights: Sequence[float], unit: Vectors) -> float | None:
    """Return the score of a unit, None if the remaining parts cancel out."""
    try:
        return float(np.dot(combine_parts(parts, weights), unit))
    except QueryError:
        return None
