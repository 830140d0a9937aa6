"""Fit linear maps from one encoder's vectors to another's, and measure how well they approximate them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties to try, in units of the mean variance of the old vectors."""

_NEIGHBORS = 10
"""Nearest neighbors per query by which a map is measured."""

_MIN_PAIRS = 10
"""Pairs below which none is held out to measure with."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well approximate vectors agree with true ones, on units that the map was not fitted on.

    Attributes:
        fitted: Number of units that the map was fitted on.
        held_out: Number of units that it was measured on; 0 if there were too few to measure anything.
        penalty: The best penalty.
        cosine: Mean cosine of approximate and true vectors.
        neighbours: Share of the true `_NEIGHBORS` nearest neighbors that approximate vectors find among the held-out
            units; None if no more than `_NEIGHBORS` other units were held out.
    """

    fitted: int
    held_out: int
    penalty: float
    cosine: float | None = None
    neighbours: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the agreement as JSON values, rounded."""
        return {
            name: round(value, 4) if name in ("cosine", "neighbours") and value is not None else value
            for name, value in asdict(self).items()
        }


def fit_map(old: Vectors, new: Vectors, *, seed: int = 0) -> tuple[Vectors, Agreement]:
    """Return a map fitted on pairs of vectors, shape (d_old + 1, d_new), and its agreement.

    Fits a ridge regression of centred vectors (Hoerl and Kennard 1970); the last row is the intercept. A tenth of the
    pairs chooses the penalty, and a fifth measures the map, which is not fitted again on all pairs.

    Args:
        old: Unit-length vectors of the old encoder, shape (n, d_old), n at least 1.
        new: Unit-length vectors of the new encoder for the same units, shape (n, d_new).
        seed: Seed of the random split.
    """
    order = np.random.default_rng(seed).permutation(len(old))
    if len(old) < _MIN_PAIRS:
        return _ridge(old, new, _PENALTIES[-1]), Agreement(len(old), 0, _PENALTIES[-1])
    test, validation, train = np.split(order, [len(old) // 5, len(old) // 5 + max(1, len(old) // 10)])
    maps = [_ridge(old[train], new[train], penalty) for penalty in _PENALTIES]
    cosines = [_cosine(apply_map(old[validation], matrix), new[validation]) for matrix in maps]
    best = int(np.argmax(cosines))
    approximate, true = apply_map(old[test], maps[best]), new[test]
    agreement = Agreement(
        len(train), len(test), _PENALTIES[best], _cosine(approximate, true), _neighbor_overlap(true, approximate, true)
    )
    return maps[best], agreement


def apply_map(old: Vectors, matrix: Vectors) -> Vectors:
    """Return approximate vectors of the new encoder, shape (n, d_new), unit length.

    Args:
        old: Shape (n, d_old).
        matrix: Shape (d_old + 1, d_new).
    """
    return to_unit_length(old @ matrix[:-1] + matrix[-1])


def _neighbor_overlap(
    queries: Vectors, approximate: Vectors, true: Vectors, *, count: int = _NEIGHBORS
) -> float | None:
    """Return the share of each query's nearest true vectors that are also nearest by the approximate ones.

    A query is not its own neighbor. Returns None if there are at most `count` other rows: every map finds them all.

    Args:
        queries: Shape (n, d), the true vectors.
        approximate: Shape (n, d).
        true: Shape (n, d).
        count: Neighbors per query.
    """
    if len(true) - 1 <= count:
        return None
    lists = []
    for rows in (true, approximate):
        scores = queries @ rows.T
        np.fill_diagonal(scores, -np.inf)
        lists.append(np.argsort(-scores, axis=1, kind="stable")[:, :count])
    shared = [len(np.intersect1d(first, second)) for first, second in zip(*lists, strict=True)]
    return float(np.mean(shared)) / count


def _ridge(old: Vectors, new: Vectors, penalty: float) -> Vectors:
    x, y = old.astype(np.float64), new.astype(np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    gram = x.T @ x
    scale = float(np.trace(gram)) / len(gram) or 1.0  # equal vectors have no variance: the map returns the mean
    weights = np.linalg.solve(gram + penalty * scale * np.eye(len(gram)), x.T @ y)
    return np.concatenate([weights, (y_mean - x_mean @ weights)[None]]).astype(np.float32)


def _cosine(first: Vectors, second: Vectors) -> float:
    return float(np.mean(np.sum(first * second, axis=1)))
