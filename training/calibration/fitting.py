"""The evidence of all trials, and the logistic regression over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.probability import ModelKey, Weights
from training.calibration.trials import Trials

DEPTH = 50
"""Candidates of each query, the best ones."""

MAX_QUERIES = 60
"""Queries of one library, at most; of more, every n-th is used."""

SAMPLE = 256
"""Units in the sample of a library."""

KEYS = [ModelKey(has_image, kind) for has_image in (False, True) for kind in ("photo", "text")]  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Cases:
    """Candidates of queries, c of them.

    Attributes:
        columns: Their evidence, shape (c, 4).
        right: Whether each is right, shape (c,).
        query: Number of the query, shape (c,).
        rank: Rank among the query's candidates, from 0, shape (c,).
        present: Whether the right answers were in the library, shape (c,).
        group: Group of the trials, shape (c,).
        model: Number of the model in `KEYS`, shape (c,).
    """

    columns: Numbers
    right: NDArray[np.bool_]
    query: Ids
    rank: Ids
    present: NDArray[np.bool_]
    group: NDArray[np.str_]
    model: NDArray[np.int64]


def collect_cases(all_trials: Iterable[Trials], prompts: Vectors) -> Cases:
    """Return the best candidates of every query, once with the right answers in the library and once without.

    Args:
        all_trials: Queries and libraries.
        prompts: The background prompts' vectors, shape (b, d).
    """
    parts = []
    number = 0
    for trials in all_trials:
        step = max(1, len(trials.queries) // MAX_QUERIES)
        for query in range(0, len(trials.queries), step):
            for present in (True, False):
                parts.append(_query_cases(trials, query, prompts, present=present, number=number))
                number += 1
    return Cases(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _query_cases(
    trials: Trials, query: int, prompts: Vectors, *, present: bool, number: int
) -> tuple[NDArray[np.generic], ...]:
    """Return the fields of `Cases` for one query."""
    has_image = trials.key.has_image
    units = np.flatnonzero(np.ones(len(trials.units), bool) if present else ~trials.right[query])
    pool = _even_sample(trials.photos) if has_image else prompts
    top, columns = _best_candidates(trials.queries[query], trials.units[units], pool, has_image=has_image)
    candidates = units[top]
    is_known = ~trials.unknown[query, candidates]
    count = int(is_known.sum())
    return (
        columns[is_known],
        trials.right[query, candidates][is_known],
        np.full(count, number),
        np.flatnonzero(is_known),
        np.full(count, present),
        np.full(count, trials.group),
        np.full(count, KEYS.index(trials.key)),
    )


def _even_sample(vectors: Vectors) -> Vectors:
    return vectors[np.unique(np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors))).astype(np.int64))]


def _best_candidates(query: Vectors, units: Vectors, pool: Vectors, *, has_image: bool) -> tuple[Ids, Numbers]:
    """Return the rows of the best candidates, best first, and their evidence, shape (c, 4)."""
    top = np.argsort(-(units @ query), kind="stable")[:DEPTH]
    background = background_stats(background_queries([pool], [1.0]), _even_sample(units), has_image=has_image)
    evidence = compute_evidence(query, units[top], background, population=len(units))
    if evidence is None:
        raise ValueError("the background gives no evidence for this encoder")
    return top, evidence.columns()


def fit_logistic(columns: Numbers, right: NDArray[np.bool_], case_weights: Numbers) -> Weights:
    """Return the weights of a logistic regression, by Newton's method.

    Args:
        columns: Evidence, shape (c, 4).
        right: Whether each case is right, shape (c,).
        case_weights: Weight of each case, shape (c,).
    """
    design = np.column_stack([np.ones(len(columns)), columns])  # (c, 5)
    weights = np.zeros(design.shape[1])
    case_weights = case_weights / case_weights.sum()
    for _ in range(50):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (case_weights * (probability - right))
        variance = (case_weights * probability * (1 - probability))[:, None]
        hessian = (design * variance).T @ design + 1e-9 * np.eye(len(weights))
        weights -= np.linalg.solve(hessian, gradient)
    weights[1:3] = np.maximum(weights[1:3], 0)  # standing out is never evidence against a hit: below 0 it is noise
    return Weights(*(round(float(weight), 3) for weight in weights))
