"""Leaves out candidates that show what a query excludes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.encoders.base import Encoder
from indexer.types import Vectors
from retrieval.calibration.background import background_vectors
from retrieval.calibration.probability import Numbers, sigmoid
from retrieval.query.encoded import EncodedQuery
from retrieval.search.candidates import NO_CANDIDATES, Candidates, concat

_MIDDLE, _SLOPE = 1.0, 3.0
"""The logistic function from standard deviations to a probability. For eight things that people see in photos of
Flickr8k (in three of five captions, or in none), one deviation finds 90 % of the photos with them and 6 % of the
others. Among close-ups of one kind, such as breeds of dogs, most photos exceed it for each breed."""

_LIMIT = 0.5
"""Candidates that show what is excluded with at least this probability are left out."""

_MIN_DEVIATION = 1e-3
"""A background whose scores deviate less says nothing; then the cosine itself counts."""

_LEVEL = 200
"""Candidates that are looked at first; four times as many if too few remain. Within a level the order is that of the
probabilities, so that it does not depend on the number of results."""


def excluded_probability(excluded: Vectors, units: Vectors, background: Vectors) -> Numbers:
    """Return how likely each unit shows any of what is excluded, 0 to 1, shape (n,).

    The score of a unit is compared with its scores for the background prompts, in standard deviations. That holds for
    every encoder, and neither the library nor the other candidates move it.

    Args:
        excluded: Unit vectors of what is excluded, shape (e, d), at least one.
        units: Unit vectors, shape (n, d).
        background: Vectors of the background prompts, shape (b, d).
    """
    scores = (units @ excluded.T).max(axis=1).astype(np.float64)  # (n,)
    others = units @ background.T  # (n, b)
    deviations = others.std(axis=1, dtype=np.float64)
    if not len(units) or deviations.min() < _MIN_DEVIATION:
        clipped: Numbers = np.clip(scores, 0.0, 1.0)
        return clipped
    z = (scores - others.mean(axis=1, dtype=np.float64)) / deviations
    return sigmoid(_SLOPE * (z - _MIDDLE))


@dataclass(slots=True)
class Exclusion:
    """What a query excludes.

    Attributes:
        excluded: Unit vectors, shape (e, d), at least one.
        background: Vectors of the background prompts, shape (b, d).
    """

    excluded: Vectors
    background: Vectors

    def probabilities(self, candidates: Candidates) -> Numbers:
        """Return how likely each candidate shows what is excluded, 0 to 1, shape (n,)."""
        return excluded_probability(self.excluded, candidates.vectors, self.background)

    def shows(self, unit: Vectors) -> bool:
        """Return whether a unit, whose embedding has shape (d,), probably shows what is excluded."""
        return bool(excluded_probability(self.excluded, unit[None], self.background)[0] >= _LIMIT)

    def remaining(
        self,
        find: Callable[[int], Candidates],
        probability: Callable[[Candidates], Sequence[float | None]],
        count: int,
    ) -> Candidates:
        """Return the best candidates that probably show nothing that is excluded, all if there are fewer.

        Args:
            find: Returns the best so many candidates.
            probability: Returns how likely each candidate is right; None if that is unknown.
            count: Number of candidates.
        """
        chosen, done, depth = NO_CANDIDATES, 0, _LEVEL
        while True:
            found = find(depth)
            level = found.take(range(done, len(found)))
            if len(level):
                chosen = concat([chosen, self._ordered(level, probability(level))])
            if len(chosen) >= count or len(found) < depth:
                return chosen.first(count)
            done, depth = len(found), 4 * depth

    def _ordered(self, candidates: Candidates, values: Sequence[float | None]) -> Candidates:
        """Return the candidates that remain, the most likely first; in their order if that is not known."""
        rows = np.flatnonzero(self.probabilities(candidates) < _LIMIT).tolist()
        return candidates.take(sorted(rows, key=lambda row: -(values[row] or 0.0)))


def exclusion_of(query: EncodedQuery, encoder: Encoder) -> Exclusion | None:
    """Return what a query excludes; None if that is nothing."""
    return Exclusion(query.excluded, background_vectors(encoder)) if len(query.excluded) else None
