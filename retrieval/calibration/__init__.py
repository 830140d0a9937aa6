"""An honest end of the list: how probable it is that a hit is right, and how many right ones there are.

A cosine says nothing alone: what is high differs from query to query, from photo to photo, between photos and texts
and between encoders. So each score is held against others: those of the same photo for queries about other things
(`background`, `evidence`), and those of the same query for other units of the library (`sample`). How far it stands out
of both becomes a probability (`probability`), by constants that were fitted on captioned photos.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Modality, Vectors
from retrieval.calibration.background import background
from retrieval.calibration.evidence import Backdrop, Numbers, backdrop, background_queries, evidence
from retrieval.calibration.probability import Pair, in_order, probabilities
from retrieval.calibration.sample import Sample, read_sample

THRESHOLD = 0.02
"""Hits below this probability are unlikely; what it keeps and loses is measured in the README."""

DEPTH = 24
"""Best units of a kind that an expected number of matches counts, at least: each costs every query."""

FORMS = 32
"""Forms of queries (weights, and which parts are pictures) whose background is kept: half a megabyte each."""

FEWEST = 30
"""A library with fewer photos than this has no background for queries with pictures."""


@dataclass(frozen=True, slots=True)
class CalibrationQuery:
    """A query as the calibration sees it.

    Attributes:
        vector: The whole query, unit length, shape (d,).
        weights: What each part counts, (p,).
        pictured: Whether each part is a picture, (p,).
    """

    vector: Vectors
    weights: Sequence[float]
    pictured: Sequence[bool]


class Calibrator:
    """Gives probabilities for the hits of one library; any thread may ask it."""

    def __init__(self, store: Store, load: Callable[[], Encoder]) -> None:
        """Keep what is needed; nothing is read and nothing loaded before the first query.

        Args:
            store: The library.
            load: Gives its encoder, for the background prompts.
        """
        self._store = store
        self._load = load
        self._background: Vectors | None = None
        self._sample: Sample | None = None
        self._backdrops: dict[object, Backdrop] = {}  # of this sample, by the form of the query
        self._guard = threading.Lock()

    def probabilities(
        self, asked: CalibrationQuery, candidates: Vectors, *, kind: Modality, searched: int
    ) -> Numbers | None:
        """Return the probability of each candidate that it is right, falling, shape (n,).

        None where it cannot be known: a query with a picture in a library with fewer than 30 photos, an encoder to
        which the background prompts all look alike.

        Args:
            asked: The query.
            candidates: Unit vectors of units of one kind, best first, shape (n, d).
            kind: Their kind.
            searched: How many units of that kind were searched.
        """
        behind = self._behind(asked, kind)
        if behind is None or not len(candidates):
            return None
        found = evidence(asked.vector, candidates, behind, population=searched)
        if found is None:
            return None
        return in_order(probabilities(found, Pair(any(asked.pictured), kind)))

    def _behind(self, asked: CalibrationQuery, kind: Modality) -> Backdrop | None:
        """Return the background of a query for units of a kind, which queries of the same form share."""
        form = (tuple(asked.weights), tuple(asked.pictured), kind)
        sample, known = self._current_sample()
        found = known.get(form)
        if found is None:
            pools = [self._pool(sample, pictured=pictured) for pictured in asked.pictured]
            usable = [pool for pool in pools if pool is not None]
            units = sample.of(kind)
            if len(usable) < len(pools) or not len(units):
                return None
            others = background_queries(usable, asked.weights)
            found = backdrop(others, units, pictured=any(asked.pictured))
            if len(known) >= FORMS:
                known.clear()
            known[form] = found
        return found

    def _pool(self, sample: Sample, *, pictured: bool) -> Vectors | None:
        """Return what stands for a part's kind in the background; None where there is nothing usable."""
        if pictured:
            return sample.photos if len(sample.photos) >= FEWEST else None
        with self._guard:
            if self._background is None:
                pool = background(self._load())
                distinct = len(np.unique(pool.round(3), axis=0))  # who knows few words gives most the same vector
                self._background = pool if 2 * distinct > len(pool) else pool[:0]
            return self._background if len(self._background) else None

    def _current_sample(self) -> tuple[Sample, dict[object, Backdrop]]:
        """Return the sample, and the backgrounds that were made of this very one: other threads may go on."""
        with self._guard:
            known, self._sample = self._sample, read_sample(self._store, self._sample)
            if self._sample is not known:
                self._backdrops = {}
                if known is None or known.state[-1] != self._sample.state[-1]:
                    self._background = None  # of another encoder
            return self._sample, self._backdrops
