"""How probable it is that what a query found is right, for lists of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.types import Modality
from retrieval.calibration import CalibrationQuery, Calibrator
from retrieval.calibration.evidence import Numbers
from retrieval.calibration.probability import Pair, merging_values
from retrieval.search.candidates import Candidates


@dataclass(slots=True)
class Likelihood:
    """The probabilities of one query's candidates, each found once.

    Attributes:
        calibrator: Of the library.
        asked: The query.
        expected: How many units are right, about, by the lists that were judged; None where that cannot be known.
    """

    calibrator: Calibrator
    asked: CalibrationQuery
    expected: float | None = None
    _known: dict[int, float] = field(default_factory=dict)  # by unit id
    _searched: dict[Modality, int] = field(default_factory=dict)  # units of a kind, by the lists that were judged
    _unknowable: bool = False  # of one kind: then of none, for they are compared

    def judge(self, lists: Sequence[Candidates]) -> None:
        """Find the probabilities of candidates, best first, each list of one kind, and how many are right in all."""
        self._known.clear()
        self.expected = 0.0
        for each in lists:
            self._searched |= {item.kind: each.searched for item in each.items[:1]}
            vectors = np.concatenate([each.vectors, each.further]) if len(each.further) else each.vectors
            values = self._probabilities(each, vectors)
            if values is None:
                self.expected = None
                return
            self.expected += float(values.sum())
            self._keep(each, values)

    def of(self, candidates: Candidates) -> list[float | None]:
        """Return the probability of each candidate, (n,); those that no list had are judged by themselves."""
        new = [row for row, item in enumerate(candidates.items) if item.unit_id not in self._known]
        for kind in Modality:
            rows = [row for row in new if candidates.items[row].kind is kind]
            if rows and not self._unknowable:
                rows.sort(key=lambda row: -candidates.scores[row])
                some = candidates.take(rows)
                values = self._probabilities(some, some.vectors)
                if values is not None:
                    self._keep(some, values)
        if self._unknowable:
            return [None] * len(candidates)
        return [self._known.get(item.unit_id) for item in candidates.items]

    def merging_values(self, candidates: Candidates) -> Numbers | None:
        """Return what orders candidates of several kinds in one list, (n,); None where that cannot be known."""
        values = np.array([np.nan if value is None else value for value in self.of(candidates)])
        if np.isnan(values).any():
            return None
        pictured = any(self.asked.pictured)
        ranks = np.empty(len(candidates))
        for kind in Modality:
            rows = [row for row, item in enumerate(candidates.items) if item.kind is kind]
            ranks[rows] = merging_values(values[rows], Pair(pictured, kind))
        return ranks

    def _probabilities(
        self, candidates: Candidates, vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    ) -> Numbers | None:
        """Return the probabilities of units of one kind, best first, (n,)."""
        if self._unknowable or not len(candidates):
            return None if self._unknowable else np.empty(0)
        kind = candidates.items[0].kind
        searched = self._searched.get(kind, candidates.searched)
        values = self.calibrator.probabilities(self.asked, vectors, kind=kind, searched=searched)
        self._unknowable = values is None
        return values

    def _keep(self, candidates: Candidates, values: Numbers) -> None:
        units = (item.unit_id for item in candidates.items)
        self._known |= dict(zip(units, values[: len(candidates)].tolist(), strict=True))
