"""How far the score of a candidate stands out, in numbers that have the same meaning for every encoder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Numbers = NDArray[np.float64]

_TRIMMED = 0.01
"""Share of a photo's highest scores with a background of photos that are left out, because the photo itself and its
copies are among them. With prompts nothing is left out: some suit a horse better than "a giraffe" does."""

_PRIOR_UNITS = 16
"""Number of units that the background counts as when a query is compared with the library: a small one says little."""

_MIN_DEVIATION = 1e-4
"""Background scores with a smaller deviation mean nothing: float16 vectors give cosines an error of up to 5e-4."""

_MAX_COMPARED = 64
"""Background queries whose own deviation is computed; all of them would take 3 ms per query."""

_POPULATION = (20, 10_000)
"""Range of library sizes that the probabilities were fitted on; sizes outside count as the nearer end."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for each candidate of a query, (n,) each.

    Attributes:
        item: Number of standard deviations by which its score exceeds its own scores for other queries.
        query: Number of standard deviations by which its score exceeds the query's scores for other units.
        breadth: Number of standard deviations by which the query's scores with the background vary more than those of
            a background query, on a logarithmic scale; equal for all candidates. A narrow query ("a giraffe") scores
            high with whatever is near it (a horse).
        size: Natural logarithm of the number of units that were searched; equal for all candidates. Of more units, more
            stand out by chance.
    """

    item: Numbers
    query: Numbers
    breadth: Numbers
    size: Numbers

    def columns(self) -> Numbers:
        """Return the evidence as columns, shape (n, 4)."""
        return np.stack([self.item, self.query, self.breadth, self.size], axis=1)


def background_queries(pools: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Return queries of the same form about other things: each part is replaced by others of its kind.

    Row j takes a different row of its pool for each part, so no prompt is combined with itself. The background of a
    query with one part is the pool itself.

    Args:
        pools: For each part, unrelated vectors of its kind, shape (m_i, d).
        weights: Weight of each part.

    Returns:
        Unit vectors, shape (m, d).
    """
    rows = min(len(pool) for pool in pools)
    total = sum(
        np.float32(weight) * np.roll(pool, 37 * part, axis=0)[:rows]  # 37: any number without a common factor with rows
        for part, (pool, weight) in enumerate(zip(pools, weights, strict=True))
    )
    return to_unit_length(np.asarray(total, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class BackgroundStats:
    """Statistics of the background, shared by all queries with parts of the same kinds and weights.

    Attributes:
        queries: The background queries, unit vectors, shape (m, d).
        trimmed: Share of a unit's highest scores with them that are left out.
        sample: Units of the library of one kind, shape (s, d), at least one.
        mean: Mean of the sample's mean scores with the background queries.
        deviation: Mean of their standard deviations.
        median_deviation: Median of these; if it is tiny, the background says nothing.
        breadth: Mean and standard deviation of the logarithm of the background queries' own deviations.
    """

    queries: Vectors
    trimmed: float
    sample: Vectors
    mean: float
    deviation: float
    median_deviation: float
    breadth: tuple[float, float]


def background_stats(queries: Vectors, sample: Vectors, *, has_image: bool) -> BackgroundStats:
    """Return the statistics of a background.

    Args:
        queries: The background queries, shape (m, d).
        sample: Units of the library of one kind, shape (s, d), at least one.
        has_image: Whether the queries contain photos of the library, which may be the candidates themselves.
    """
    trimmed = _TRIMMED * has_image
    means, deviations = _means_and_deviations(sample @ queries.T, trimmed)  # (s,)
    own_deviations = _means_and_deviations(queries[:_MAX_COMPARED] @ queries.T, _TRIMMED)[1]
    logs = np.log(np.maximum(own_deviations, _MIN_DEVIATION))
    breadth = float(logs.mean()), max(float(logs.std()), _MIN_DEVIATION)
    return BackgroundStats(
        queries,
        trimmed,
        sample,
        float(means.mean()),
        float(deviations.mean()),
        float(np.median(deviations)),
        breadth,
    )


def compute_evidence(
    query: Vectors, candidates: Vectors, background: BackgroundStats, *, population: int
) -> Evidence | None:
    """Return the evidence for each candidate; None if the background says nothing.

    Args:
        query: Unit vector, shape (d,).
        candidates: Unit vectors of the candidates, shape (n, d).
        background: The background for the candidates' kind.
        population: Number of units that were searched, at least 1.
    """
    with _one_thread():
        scores = (candidates @ query).astype(np.float64)  # (n,)
        means, deviations = _means_and_deviations(candidates @ background.queries.T, background.trimmed)  # (n,)
        sample_scores = background.sample @ query  # (s,)
        background_scores = query[None] @ background.queries.T  # (1, m)
    if min(background.median_deviation, deviations.min(initial=np.inf)) < _MIN_DEVIATION:
        return None
    # mean and deviation of a normal distribution from its lower half: matches are in the upper half, unless they are
    # half of the library
    low, middle = np.quantile(sample_scores, [0.16, 0.5])
    count, prior = len(background.sample), _PRIOR_UNITS
    mean = (count * middle + prior * background.mean) / (count + prior)
    deviation = (count * (middle - low) + prior * background.deviation) / (count + prior)
    own_deviation = float(_means_and_deviations(background_scores, _TRIMMED)[1][0])
    breadth = (float(np.log(max(own_deviation, _MIN_DEVIATION))) - background.breadth[0]) / background.breadth[1]
    ones = np.ones(len(scores))
    return Evidence(
        item=(scores - means) / deviations,
        query=(scores - mean) / deviation,
        breadth=breadth * ones,
        size=np.log(np.clip(population, *_POPULATION)) * ones,
    )


def _one_thread() -> AbstractContextManager[object]:
    """Limit matrix products to one thread: on a busy machine, several threads wait for each other.

    The products of one query take 0.3 ms on one thread; on two they took up to 25 ms while other programs ran.
    """
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # late: it inspects all loaded libraries

    return ThreadpoolController()


def _means_and_deviations(scores: Vectors, trimmed: float) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of each row without this share of its highest values, (n,) each."""
    count = scores.shape[1] - int(np.ceil(trimmed * scores.shape[1]))
    lower = scores if count == scores.shape[1] else np.partition(scores, count - 1, axis=1)[:, :count]
    return lower.mean(axis=1, dtype=np.float64), lower.std(axis=1, dtype=np.float64)
