"""Evidence of all trials, and the logistic regression over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.probability import ModelKey, Weights
from training.calibration.trials import Trials

TOP = 50
"""Best candidates of a query that take part."""

MOST_QUERIES = 60
"""Of one library; of more, every n-th asks."""

DRAWN = 256
"""Units in the sample of a library."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Candidates of queries, (c,) each.

    Attributes:
        columns: Their evidence, shape (c, 4).
        right: Whether each is right.
        query: Number of the query.
        rank: Place in its list, 0 for the best.
        present: Whether the right ones were in the library.
        group: Of the trials.
        pair: Of the trials.
    """

    columns: Numbers
    right: NDArray[np.bool_]
    query: Ids
    rank: Ids
    present: NDArray[np.bool_]
    group: NDArray[np.str_]
    pair: NDArray[np.int64]


KEYS = [ModelKey(has_image, kind) for has_image in (False, True) for kind in ("photo", "text")]  # type: ignore[arg-type]


def cases(all_trials: Iterable[Trials], prompts: Vectors) -> Cases:
    """Return the best candidates of every query, once with the right ones in the library and once without."""
    found = []
    number = 0
    for trials in all_trials:
        step = max(1, len(trials.queries) // MOST_QUERIES)
        pair = KEYS.index(trials.key)
        for query in range(0, len(trials.queries), step):
            for present in (True, False):
                kept = np.flatnonzero(np.ones(len(trials.units), bool) if present else ~trials.right[query])
                pool = prompts if not trials.key.has_image else _drawn(trials.photos)
                top, columns = _best(trials.queries[query], trials.units[kept], pool, has_image=trials.key.has_image)
                places = kept[top]
                known = ~trials.unknown[query, places]
                count = int(known.sum())
                right = trials.right[query, places][known]
                found.append(
                    (
                        columns[known],
                        right,
                        np.full(count, number),
                        np.flatnonzero(known),
                        np.full(count, present),
                        np.full(count, trials.group),
                        np.full(count, pair),
                    )
                )
                number += 1
    return Cases(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _drawn(vectors: Vectors) -> Vectors:
    return vectors[np.unique(np.linspace(0, len(vectors) - 1, min(DRAWN, len(vectors))).astype(np.int64))]


def _best(query: Vectors, units: Vectors, pool: Vectors, *, has_image: bool) -> tuple[Ids, Numbers]:
    top = np.argsort(-(units @ query), kind="stable")[:TOP]
    others = background_queries([pool], [1.0])
    found = compute_evidence(
        query, units[top], background_stats(others, _drawn(units), has_image=has_image), population=len(units)
    )
    if found is None:
        raise ValueError("the background says nothing about this encoder")
    return top, found.columns()


def fit(columns: Numbers, right: NDArray[np.bool_], shares: Numbers) -> Weights:
    """Return the weights of a logistic regression, by Newton's method.

    Args:
        columns: Evidence, shape (c, 4).
        right: What is to be told, shape (c,).
        shares: What each case counts, shape (c,).
    """
    design = np.column_stack([np.ones(len(columns)), columns])  # (c, 5)
    weights = np.zeros(design.shape[1])
    shares = shares / shares.sum()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (shares * (chance - right))
        curve = (design * (shares * chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    weights[1:3] = np.maximum(weights[1:3], 0)  # to stand out never counts against a hit: below 0 it is noise
    return Weights(*(round(float(weight), 3) for weight in weights))
