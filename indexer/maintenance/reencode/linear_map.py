"""Linear maps from one encoder's vectors to another's, and how well they stand for them (pure)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Penalties that are tried, in units of the mean variance of the old vectors."""

NEIGHBORS = 10
"""Nearest neighbours that a map is to keep."""

MIN_PAIRS = 10
"""Pairs below which none can be spared to measure with."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well mapped vectors stand for true ones, on units that the map was not fitted on.

    Attributes:
        fitted: Units that the map was fitted on.
        held_out: Units that it was measured on; 0 where there were too few to spare any, then nothing was measured.
        penalty: The penalty that served best.
        cosine: Mean cosine of mapped and true vectors.
        neighbours: Share of the true nearest `NEIGHBORS` among those held out that mapped vectors find; None where
            no more than these were held out.
    """

    fitted: int
    held_out: int
    penalty: float
    cosine: float | None = None
    neighbours: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the agreement as values that json can write, rounded."""
        return {
            name: round(value, 4) if name in ("cosine", "neighbours") and value is not None else value
            for name, value in asdict(self).items()
        }


def fit_map(old: Vectors, new: Vectors, *, seed: int = 0) -> tuple[Vectors, Agreement]:
    """Return a map fitted on pairs of vectors, shape (d_old + 1, d_new), and its agreement.

    Ridge regression of centred vectors (Hoerl and Kennard 1970); the last row is what is added. A tenth of the pairs
    chooses the penalty, a fifth measures, and the map that is given back is the one that was measured.

    Args:
        old: Unit vectors under the old encoder, shape (n, d_old), n at least 1.
        new: Unit vectors of the same units under the new one, shape (n, d_new).
        seed: Decides which pairs are held out.
    """
    order = np.random.default_rng(seed).permutation(len(old))
    if len(old) < MIN_PAIRS:
        return _ridge(old, new, PENALTIES[-1]), Agreement(len(old), 0, PENALTIES[-1])
    measured, choosing, rest = np.split(order, [len(old) // 5, len(old) // 5 + max(1, len(old) // 10)])
    maps = [_ridge(old[rest], new[rest], penalty) for penalty in PENALTIES]
    values = [_cosine(apply_map(old[choosing], matrix), new[choosing]) for matrix in maps]
    best = int(np.argmax(values))
    guessed, true = apply_map(old[measured], maps[best]), new[measured]
    agreement = Agreement(
        len(rest), len(measured), PENALTIES[best], _cosine(guessed, true), neighbor_overlap(true, guessed, true)
    )
    return maps[best], agreement


def apply_map(old: Vectors, matrix: Vectors) -> Vectors:
    """Return the vectors that stand for the new encoder's, shape (n, d_new), unit length.

    Args:
        old: Shape (n, d_old).
        matrix: Shape (d_old + 1, d_new).
    """
    return to_unit_length(old @ matrix[:-1] + matrix[-1])


def neighbor_overlap(queries: Vectors, guessed: Vectors, true: Vectors, *, count: int = NEIGHBORS) -> float | None:
    """Return the share of each row's nearest true rows that are among its nearest guessed ones; itself not counted.

    None where there are no others: then every map would find them all.

    Args:
        queries: Shape (n, d), the true vectors.
        guessed: Shape (n, d).
        true: Shape (n, d).
        count: Neighbours.
    """
    if len(true) - 1 <= count:
        return None
    lists = []
    for rows in (true, guessed):
        scores = queries @ rows.T
        np.fill_diagonal(scores, -np.inf)
        lists.append(np.argsort(-scores, axis=1, kind="stable")[:, :count])
    kept = [len(np.intersect1d(first, second)) for first, second in zip(*lists, strict=True)]
    return float(np.mean(kept)) / count


def _ridge(old: Vectors, new: Vectors, penalty: float) -> Vectors:
    x, y = old.astype(np.float64), new.astype(np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    gram = x.T @ x
    scale = float(np.trace(gram)) / len(gram) or 1.0  # equal vectors have none: their map is the mean
    weights = np.linalg.solve(gram + penalty * scale * np.eye(len(gram)), x.T @ y)
    return np.concatenate([weights, (y_mean - x_mean @ weights)[None]]).astype(np.float32)


def _cosine(first: Vectors, second: Vectors) -> float:
    return float(np.mean(np.sum(first * second, axis=1)))
