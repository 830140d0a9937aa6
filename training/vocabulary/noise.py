"""How the encoder's vectors of invented words differ from those of words that it knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from indexer.encoders.base import Encoder
from indexer.types import Vectors
from retrieval.query.vocabulary.noise import Noise, word_vectors

_CONSONANTS, _VOWELS = tuple("bcdfghjklmnprstvwz"), tuple("aeiou")

_INVENTED = 4000
"""Invented words: half for the direction, half for the limit."""

_COMMON = 3000
"""The commonest known words, which are in at least 10 captions."""

_SHRINKAGE = 0.01
"""Added to the covariance, as a share of its mean variance."""

_SHARE = 0.98
"""Share of the invented words that the limit lets pass for noise."""

_LENIENT_SHARE = 0.25
"""Share of the commonest known words that the lenient limit would take for noise."""


class NoiseReport(NamedTuple):
    """What the limit does with words that were not used to choose the direction.

    Attributes:
        invented: Share of invented words that count as noise.
        common: Share of the commonest known words that count as noise; should be low.
        known: The same of all known words.
    """

    invented: float
    common: float
    known: float


def invented_words(count: int, random: np.random.Generator, without: Collection[str]) -> list[str]:
    """Return words of two or three syllables that nobody uses, without some that exist."""
    words: set[str] = set()
    while len(words) < count:
        syllables = (_syllable(random) for _ in range(int(random.integers(2, 4))))
        word = "".join(syllables)
        if word not in without:
            words.add(word)
    return [str(word) for word in random.permutation(sorted(words))]


def _syllable(random: np.random.Generator) -> str:
    end = random.choice(_CONSONANTS) if random.random() < 0.4 else ""
    return f"{random.choice(_CONSONANTS)}{random.choice(_VOWELS)}{end}"


def fit_noise(encoder: Encoder, known: Sequence[str], *, seed: int = 0) -> tuple[Noise, NoiseReport]:
    """Return the direction that separates invented words from known ones, and what it does with other words.

    This is Fisher's linear discriminant with a shrunk covariance, fitted on half the words of both kinds. The limit is
    the quantile `_SHARE` of half of the other invented words, and the lenient limit the quantile `_LENIENT_SHARE` of
    the commonest known words; the report is about what is left.
    """
    random = np.random.default_rng(seed)
    invented = word_vectors(encoder, invented_words(_INVENTED, random, known))
    vectors = word_vectors(encoder, known)
    first = random.random(len(known)) < 0.5
    direction = _discriminant(vectors[first], invented[: _INVENTED // 2])
    scores = invented[_INVENTED // 2 :] @ direction
    limit = float(np.quantile(scores[::2], _SHARE))
    known_scores = vectors @ direction
    common = np.arange(len(known)) < _COMMON
    report = NoiseReport(
        float((scores[1::2] <= limit).mean()),
        float((known_scores[~first & common] <= limit).mean()),
        float((known_scores[~first] <= limit).mean()),
    )
    return Noise(direction, limit, float(np.quantile(known_scores[first & common], _LENIENT_SHARE))), report


def _discriminant(known: Vectors, invented: Vectors) -> Vectors:
    """Return Fisher's direction from invented to known words, shape (d,), unit length."""
    covariance = (np.cov(known.T) + np.cov(invented.T)) / 2
    shrunk = covariance + _SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    direction = np.linalg.solve(shrunk, known.mean(axis=0) - invented.mean(axis=0))
    result: Vectors = (direction / np.linalg.norm(direction)).astype(np.float32)
    return result
