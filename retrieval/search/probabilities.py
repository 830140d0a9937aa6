"""Match probabilities of the candidates of one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.types import Modality, Vectors
from retrieval.calibration.calibrator import Calibrator
from retrieval.calibration.evidence import Numbers
from retrieval.calibration.probability import ModelKey, merge_keys
from retrieval.query.encoded import EncodedQuery
from retrieval.search.candidates import Candidates


@dataclass(slots=True)
class MatchProbabilities:
    """The match probabilities of one query's candidates; each is computed once.

    Attributes:
        calibrator: The calibrator of the library.
        query: The query.
        vector: Its vector, shape (d,).
        expected: Approximate number of units that are right, from the scored lists; None if it cannot be known.
    """

    calibrator: Calibrator
    query: EncodedQuery
    vector: Vectors
    expected: float | None = None
    _cached: dict[int, float] = field(default_factory=dict)  # by unit id
    _searched: dict[Modality, int] = field(default_factory=dict)  # units of each kind that were searched
    _is_unknown: bool = False  # for one kind, and so for all: they are compared with each other

    def score(self, lists: Sequence[Candidates]) -> None:
        """Compute the probabilities of candidates, and how many units are right.

        Args:
            lists: Candidates of one kind each, best first.
        """
        self._cached.clear()
        self.expected = 0.0
        for candidates in lists:
            self._searched |= {item.kind: candidates.searched for item in candidates.items[:1]}
            vectors = candidates.vectors
            if len(candidates.further):
                vectors = np.concatenate([vectors, candidates.further])
            values = self._compute(candidates, vectors)
            if values is None:
                self.expected = None
                return
            self.expected += float(values.sum())
            self._cache(candidates, values)

    def probabilities(self, candidates: Candidates) -> list[float | None]:
        """Return the probability of each candidate, (n,); those that were in no list are computed separately."""
        new = [row for row, item in enumerate(candidates.items) if item.unit_id not in self._cached]
        for kind in Modality:
            rows = [row for row in new if candidates.items[row].kind is kind]
            if rows and not self._is_unknown:
                rows.sort(key=lambda row: -candidates.scores[row])
                of_kind = candidates.take(rows)
                values = self._compute(of_kind, of_kind.vectors)
                if values is not None:
                    self._cache(of_kind, values)
        if self._is_unknown:
            return [None] * len(candidates)
        return [self._cached.get(item.unit_id) for item in candidates.items]

    def merge_keys(self, candidates: Candidates) -> Numbers | None:
        """Return sort keys for candidates of several kinds in one list, (n,); None if a probability is unknown."""
        values = np.array([np.nan if value is None else value for value in self.probabilities(candidates)])
        if np.isnan(values).any():
            return None
        keys = np.empty(len(candidates))
        for kind in Modality:
            rows = [row for row, item in enumerate(candidates.items) if item.kind is kind]
            keys[rows] = merge_keys(values[rows], ModelKey(self.query.has_photos, kind))
        return keys

    def _compute(self, candidates: Candidates, vectors: Vectors) -> Numbers | None:
        """Return the probabilities of units of one kind, (n,).

        Args:
            candidates: The candidates, best first.
            vectors: Their vectors and those of the next best units, shape (n, d).
        """
        if self._is_unknown or not len(candidates):
            return None if self._is_unknown else np.empty(0)
        kind = candidates.items[0].kind
        values = self.calibrator.probabilities(
            self.vector,
            vectors,
            weights=self.query.weights,
            photo_shares=self.query.photo_shares,
            kind=kind,
            searched=self._searched.get(kind, candidates.searched),
        )
        self._is_unknown = values is None
        return values

    def _cache(self, candidates: Candidates, values: Numbers) -> None:
        unit_ids = (item.unit_id for item in candidates.items)
        self._cached |= dict(zip(unit_ids, values[: len(candidates)].tolist(), strict=True))
