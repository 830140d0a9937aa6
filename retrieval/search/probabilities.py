"""Match probabilities of the candidates of one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np

from indexer.types import Modality, Vectors
from retrieval.calibration.calibrator import Calibrator, LibraryModel, query_form
from retrieval.calibration.expected import Expected, with_interval
from retrieval.calibration.fitted import MERGE_SHIFTS
from retrieval.calibration.probability import Numbers, with_words
from retrieval.query.encoded import EncodedQuery
from retrieval.search.candidates import Candidates
from retrieval.search.word_evidence import QueryWords

_NEAR_ZERO = 1e-12


@dataclass(slots=True)
class MatchProbabilities:
    """The match probabilities of one query's candidates.

    Attributes:
        calibrator: The calibrator of the library.
        query: The query.
        vector: Its vector, shape (d,).
        text: The words of the query that photos can show.
        expected: Number of units that are expected to match, from the scored lists; None if it cannot be known.
    """

    calibrator: Calibrator
    query: EncodedQuery
    vector: Vectors
    text: str
    expected: float | None = None
    _models: dict[Modality, LibraryModel | None] = field(default_factory=dict)

    def score(self, lists: Sequence[Candidates]) -> None:
        """Estimate how many units match.

        Args:
            lists: Candidates of one kind each, best first.
        """
        self.expected = None
        for candidates in lists:
            if not len(candidates):
                continue
            kind = candidates.items[0].kind
            model = self._model(kind)
            if model is None:
                return
            number = self.calibrator.expected(
                model,
                candidates.unit_scores,
                kind=kind,
                where=self.query.query.where,
                passing=candidates.passing,
            )
            self.expected = (self.expected or 0.0) + number

    def estimate(self, words: QueryWords) -> Expected | None:
        """Return the expected number with its interval; None if it cannot be known.

        Args:
            words: The words of the query; items that have all of them are expected to match.
        """
        if self.expected is None:
            return None
        return with_interval(max(self.expected, with_words(0.0, 1.0) * words.complete))

    def probabilities(self, candidates: Candidates) -> list[float | None]:
        """Return the probability of each candidate, (n,); None for all if the encoder is not calibrated."""
        values: list[float | None] = [None] * len(candidates)
        for kind in Modality:
            rows = [row for row, item in enumerate(candidates.items) if item.kind is kind]
            model = self._model(kind) if rows else None
            if model is not None:
                for row, value in zip(rows, model.probabilities(candidates.scores[rows]).tolist(), strict=True):
                    values[row] = value
        return values

    def merge_keys(self, candidates: Candidates) -> Numbers | None:
        """Return sort keys for candidates of several kinds in one list, (n,); None if a probability is unknown."""
        shift = MERGE_SHIFTS[query_form(self.query.photo_shares)]
        keys = []
        for item, value in zip(candidates.items, self.probabilities(candidates), strict=True):
            if value is None:
                return None
            clipped = min(max(value, _NEAR_ZERO), 1 - _NEAR_ZERO)
            keys.append(log(clipped / (1 - clipped)) + shift * (item.kind is Modality.PHOTO))
        return np.array(keys)

    def _model(self, kind: Modality) -> LibraryModel | None:
        """Return the model of the query for a kind; it is made once."""
        if kind not in self._models:
            self._models[kind] = self.calibrator.model(
                self.vector, text=self.text, photo_shares=self.query.photo_shares, kind=kind
            )
        return self._models[kind]
