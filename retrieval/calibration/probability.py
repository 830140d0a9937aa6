"""Turns scores into the probability that people would call a hit right.

For a query and a kind of unit the log-odds are

    L = constant + score s + score2 s² + score_length s n + rarity r + rarity_length r n + length n
        + mean m + deviation v

with the cosine s, the mean m and the deviation v of the query's scores when nothing matches (`null_scores`), the rarity
r of its words and their number n (`word_counts`). The share q of the library that seems to match by L shifts them, as
more is likely to be right where much is (Saerens et al. 2002, "Adjusting the outputs of a classifier to new a priori
probabilities"):

    log-odds = shift + odds L + share log q

So within a query and a kind the probability never falls when the score rises, and nothing but the query, the score and
the library changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indexer.types import Modality
from retrieval.calibration.word_counts import WordFacts

Numbers = NDArray[np.float64]

_PRIOR_MATCHES, _PRIOR_UNITS = 0.3, 30
"""Added to the matches and to the units that the share is computed from: a small library says little."""


class Form(StrEnum):
    """Forms of queries."""

    WORDS = "words"
    PICTURE = "picture"
    MIXED = "mixed"


class ModelKey(NamedTuple):
    """Selects the constants: by the form of the query, and by the kind of unit."""

    form: Form
    kind: Modality


class Constants(NamedTuple):
    """The fitted constants of one model, see the module."""

    constant: float
    score: float
    score2: float
    score_length: float
    rarity: float
    rarity_length: float
    length: float
    mean: float
    deviation: float
    shift: float = 0.0
    odds: float = 1.0
    share: float = 0.0


_WORDS_RIGHT = 0.84
"""Probability that a photo is right if one person wrote all words of the query: of 12,801 nouns in captions of Flickr8k
dev, so many were also written by another of the photo's five people."""

_DIGITS = 5
"""Digits of a score that count: the others differ with the number of units that are scored at once."""

FEATURES = 9
"""The first constants, which weigh the columns of `features`."""


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What is known of a query before the library is looked at.

    Attributes:
        mean: Mean of its scores with units of this kind that do not match.
        deviation: Their standard deviation.
        words: Facts about its words; zeros if it has none.
    """

    mean: float
    deviation: float
    words: WordFacts


def features(scores: ArrayLike, facts: QueryFacts) -> Numbers:
    """Return the columns that the constants weigh, shape (n, 9), for cosines of shape (n,)."""
    cosines = np.maximum(np.asarray(scores, dtype=np.float64).round(_DIGITS), 0.0)
    rarity, length = facts.words
    shared = [rarity, rarity * length, length, facts.mean, facts.deviation]
    columns = [np.ones_like(cosines), cosines, cosines**2, cosines * length]
    return np.stack([*columns, *(np.full_like(cosines, value) for value in shared)], axis=1)


def log_odds(scores: ArrayLike, facts: QueryFacts, constants: Constants) -> Numbers:
    """Return the log-odds L without regard to the library, shape (n,)."""
    result: Numbers = features(scores, facts) @ np.array(constants[:FEATURES])
    return result


def log_share(first: Numbers) -> float:
    """Return the logarithm of the share of a library that seems to match, from the log-odds L of a sample, (n,)."""
    return float(np.log((sigmoid(first).sum() + _PRIOR_MATCHES) / (len(first) + _PRIOR_UNITS)))


def with_words(probability: float, evidence: float) -> float:
    """Return the probability of a unit that also has words of the query in its names or texts.

    Looks and words are taken as independent reasons, each enough by itself (noisy or).

    Args:
        probability: Its match probability by looks.
        evidence: Share of what the query's words tell that the unit's words tell, 0 to 1.
    """
    return 1 - (1 - probability) * (1 - _WORDS_RIGHT * evidence**2)


def sigmoid(values: Numbers) -> Numbers:
    """Return probabilities for log-odds."""
    result: Numbers = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return result


@dataclass(frozen=True, slots=True)
class QueryModel:
    """The probabilities of one query for one kind of unit in one library."""

    facts: QueryFacts
    constants: Constants
    log_share: float

    def probabilities(self, scores: ArrayLike) -> Numbers:
        """Return the match probability of units with these cosines, 0 to 1, shape (n,)."""
        constants = self.constants
        first = log_odds(scores, self.facts, constants)
        return sigmoid(constants.shift + constants.odds * first + constants.share * self.log_share)


def query_model(facts: QueryFacts, constants: Constants, sample_scores: ArrayLike) -> QueryModel:
    """Return the model of a query in a library, of which a sample has these cosines, shape (s,)."""
    return QueryModel(facts, constants, log_share(log_odds(sample_scores, facts, constants)))
