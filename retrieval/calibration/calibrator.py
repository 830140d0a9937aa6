"""Match probabilities for the hits of one library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import hypot

import numpy as np

from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Modality, Vectors
from retrieval.calibration.background import background_vectors
from retrieval.calibration.evidence import (
    BackgroundStats,
    Numbers,
    background_queries,
    background_stats,
    compute_evidence,
)
from retrieval.calibration.probability import ModelKey, non_increasing, probabilities
from retrieval.calibration.sample import Sample, read_sample

EXPECTED_DEPTH = 24
"""Number of best units of each kind that the expected number of matches counts, at least. All queries pay for them."""

_MAX_FORMS = 32
"""Forms of queries (weights, and which parts are photos) whose background is cached: half a megabyte each."""

_MIN_PHOTOS = 30
"""A library with fewer photos has no background for queries with pictures."""


class Calibrator:
    """Computes match probabilities for one library. Any thread may use it."""

    def __init__(self, store: Store, load: Callable[[], Encoder]) -> None:
        """Prepare a calibrator. Nothing is read or loaded before the first query.

        Args:
            store: The library.
            load: Returns its encoder, which encodes the background prompts.
        """
        self._store = store
        self._load = load
        self._prompts: Vectors | None = None
        self._sample: Sample | None = None
        self._stats: dict[object, BackgroundStats] = {}  # for this sample, by form of query and kind
        self._lock = threading.Lock()

    def probabilities(
        self,
        query: Vectors,
        candidates: Vectors,
        *,
        weights: Sequence[float],
        photo_shares: Sequence[float],
        kind: Modality,
        searched: int,
    ) -> Numbers | None:
        """Return the match probability of each candidate, never increasing, shape (n,).

        It is None if it cannot be known: for a query with photos in a library with fewer than 30 photos, or
        for an encoder whose vectors of the background prompts are nearly all equal.

        Args:
            query: The query's vector, shape (d,), unit length.
            candidates: Unit vectors of units of one kind, best first, shape (n, d).
            weights: Weight of each part of the query, (p,).
            photo_shares: How much of each part's vector comes from photos, 0 to 1, (p,).
            kind: Kind of the candidates.
            searched: Number of units of this kind that were searched.
        """
        stats = self._background_stats(weights, photo_shares, kind)
        if stats is None or not len(candidates):
            return None
        evidence = compute_evidence(query, candidates, stats, population=searched)
        if evidence is None:
            return None
        return non_increasing(probabilities(evidence, ModelKey(any(photo_shares), kind)))

    def _background_stats(
        self, weights: Sequence[float], photo_shares: Sequence[float], kind: Modality
    ) -> BackgroundStats | None:
        """Return the background of a query for units of a kind; queries of the same form share it."""
        components = _components(weights, photo_shares)
        form = (tuple(components), kind)
        sample, cached = self._current_sample()
        stats = cached.get(form)
        if stats is None:
            pools = [self._pool(sample, is_image=is_image) for _, is_image in components]
            usable = [pool for pool in pools if pool is not None]
            units = sample.of_kind(kind)
            if len(usable) < len(pools) or not len(units):
                return None
            queries = background_queries(usable, [weight for weight, _ in components])
            stats = background_stats(queries, units, has_image=any(photo_shares))
            if len(cached) >= _MAX_FORMS:
                cached.clear()
            cached[form] = stats
        return stats

    def _pool(self, sample: Sample, *, is_image: bool) -> Vectors | None:
        """Return the vectors that replace a part in the background; None if there are none that are usable."""
        if is_image:
            return sample.photos if len(sample.photos) >= _MIN_PHOTOS else None
        with self._lock:
            if self._prompts is None:
                vectors = background_vectors(self._load())
                distinct = len(np.unique(vectors.round(3), axis=0))  # an encoder with few words maps many to one vector
                self._prompts = vectors if 2 * distinct > len(vectors) else vectors[:0]
            return self._prompts if len(self._prompts) else None

    def _current_sample(self) -> tuple[Sample, dict[object, BackgroundStats]]:
        """Return the sample, and the statistics that belong to it: another thread may replace both."""
        with self._lock:
            former, self._sample = self._sample, read_sample(self._store, self._sample)
            if self._sample is not former:
                self._stats = {}
                if former is None or former.state[-1] != self._sample.state[-1]:
                    self._prompts = None  # they are of another encoder
            return self._sample, self._stats


def _components(weights: Sequence[float], photo_shares: Sequence[float]) -> list[tuple[float, bool]]:
    """Return weight and `is_image` of each component of a query: a text with private words has two, words and photos.

    Their weights are those of orthogonal vectors: words and photos are almost at right angles.
    """
    return [
        (weight * (length / hypot(share, 1 - share)), is_image)
        for weight, share in zip(weights, photo_shares, strict=True)
        for is_image, length in ((False, 1 - share), (True, share))
        if length
    ]
