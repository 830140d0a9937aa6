"""How far a candidate stands out, in numbers that have no scale and so mean the same for every encoder."""

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

TRIMMED = 0.01
"""Share of a photo's scores with a background of pictures, the highest ones, that are left out: the photo itself, which
is in the library, and its copies. Prompts all count: a horse has better ones than "a giraffe"."""

LEAN = 16
"""How many units of the library the items' own background counts as in the query's: a small library says little."""

FLATTEST = 1e-4
"""Background scores that spread less than this mean nothing: float16 vectors give cosines an error of up to 5e-4."""

COMPARED = 64
"""Background queries whose spread is computed: all of them would cost 3 ms for each query."""

POPULATION = (20, 10_000)
"""Library sizes that the probabilities were fitted on; beyond them the nearer end is taken."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each candidate of a query, (n,) each.

    Attributes:
        item: How many standard deviations its score lies above its own scores for other queries.
        query: How many spreads its score lies above the query's scores for the library's other units.
        breadth: How many standard deviations the query's own scores with the background spread more than those of a
            background query do, on a logarithmic scale, the same for all: what is narrow ("a giraffe") scores high with
            whatever is near it (a horse).
        size: Natural logarithm of the number of units that were searched, the same for all: of many units more stand
            out by chance.
    """

    item: Numbers
    query: Numbers
    breadth: Numbers
    size: Numbers

    def columns(self) -> Numbers:
        """Return the four as columns, shape (n, 4)."""
        return np.stack([self.item, self.query, self.breadth, self.size], axis=1)


def background_queries(pools: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Return the query asked of other things: each part replaced by others of its kind, shape (m, d), unit length.

    Row j takes another row of its pool for each part, so that no prompt is combined with itself. A query of one part
    has the pool itself as its background.

    Args:
        pools: For each part vectors of its kind that have nothing to do with it, shape (m_i, d).
        weights: What each part counts.
    """
    rows = min(len(pool) for pool in pools)
    total = sum(
        np.float32(weight) * np.roll(pool, 37 * part, axis=0)[:rows]  # 37: any number that shares no factor with rows
        for part, (pool, weight) in enumerate(zip(pools, weights, strict=True))
    )
    return to_unit_length(np.asarray(total, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What the background says before there is a query: the same for all queries with parts of the same kinds.

    Attributes:
        others: The background queries, unit vectors, shape (m, d).
        trimmed: Share of a photo's highest scores with them that are left out.
        sample: Units of the library of one kind, shape (s, d), at least one.
        mean: Mean of the sample's mean scores with the background.
        spread: Mean of their standard deviations.
        flattest: The least that these mean anything by: their median.
        breadth: Mean and standard deviation of the logarithm of the background queries' own spreads.
    """

    others: Vectors
    trimmed: float
    sample: Vectors
    mean: float
    spread: float
    flattest: float
    breadth: tuple[float, float]


def backdrop(others: Vectors, sample: Vectors, *, pictured: bool) -> Backdrop:
    """Return what the background says.

    Args:
        others: The background queries, shape (m, d).
        sample: Units of the library of one kind, shape (s, d), at least one.
        pictured: Whether there are pictures in the queries, which may be the candidates themselves.
    """
    trimmed = TRIMMED * pictured
    means, spreads = _moments(sample @ others.T, trimmed)  # (s,)
    usual = np.log(np.maximum(_moments(others[:COMPARED] @ others.T, TRIMMED)[1], FLATTEST))
    breadth = float(usual.mean()), max(float(usual.std()), FLATTEST)
    return Backdrop(
        others, trimmed, sample, float(means.mean()), float(spreads.mean()), float(np.median(spreads)), breadth
    )


def evidence(query: Vectors, candidates: Vectors, behind: Backdrop, *, population: int) -> Evidence | None:
    """Return what speaks for each candidate; None where the background says nothing.

    Args:
        query: Unit vector, shape (d,).
        candidates: Unit vectors of the candidates, shape (n, d).
        behind: The background, of the candidates' kind.
        population: How many units were searched, at least 1.
    """
    with _one_thread():
        scores = (candidates @ query).astype(np.float64)  # (n,)
        means, spreads = _moments(candidates @ behind.others.T, behind.trimmed)  # (n,)
        seen_scores = behind.sample @ query  # (s,)
        own_scores = query[None] @ behind.others.T  # (1, m)
    if min(behind.flattest, spreads.min(initial=np.inf)) < FLATTEST:
        return None
    low, middle = np.quantile(seen_scores, [0.16, 0.5])  # a normal distribution's mean and one deviation
    seen, lean = len(behind.sample), LEAN  # below: what fits the query is above, unless that is half of the library
    centre = (seen * middle + lean * behind.mean) / (seen + lean)
    spread = (seen * (middle - low) + lean * behind.spread) / (seen + lean)
    own = float(np.log(max(float(_moments(own_scores, TRIMMED)[1][0]), FLATTEST)))
    same = np.ones(len(scores))
    return Evidence(
        item=(scores - means) / spreads,
        query=(scores - centre) / spread,
        breadth=(own - behind.breadth[0]) / behind.breadth[1] * same,
        size=np.log(np.clip(population, *POPULATION)) * same,
    )


def _one_thread() -> AbstractContextManager[object]:
    """Keep the matrix products on one thread: on a machine whose processors are busy, two wait for each other.

    The few products of one query take 0.3 ms on one thread; on two they were seen to take 25 ms beside other work.
    """
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # late: it looks through all libraries that are loaded

    return ThreadpoolController()


def _moments(scores: Vectors, trimmed: float) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of each row without this share of its highest values, (n,) each."""
    kept = scores.shape[1] - int(np.ceil(trimmed * scores.shape[1]))
    lower = scores if kept == scores.shape[1] else np.partition(scores, kept - 1, axis=1)[:, :kept]
    return lower.mean(axis=1, dtype=np.float64), lower.std(axis=1, dtype=np.float64)
