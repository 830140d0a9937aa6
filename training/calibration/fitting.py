"""Fits the constants of `retrieval.calibration.probability` on trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from retrieval.calibration.null_scores import NullScores
from retrieval.calibration.probability import (
    FEATURES,
    Constants,
    Numbers,
    QueryFacts,
    QueryModel,
    features,
    log_odds,
    log_share,
    query_model,
    sigmoid,
)
from retrieval.calibration.word_counts import WordFacts, word_facts
from training.calibration.trials import Trials

_EASY = -5.0
"""Pairs with lower log-odds are so many that only some of them are used, with more weight."""

_EASY_SCORE = 0.12
_KEPT_ONE_IN = 20

_SHARES = (1.0, 0.5, 0.15)
"""Shares of right photos in the small libraries that the second step is fitted on beside the whole ones."""

_SMALL_WEIGHT = 0.2
"""Weight of a pair in a small library."""

_SQUARE = 2
"""The column of the squared score; its constant is not negative, so that the highest score is the most probable."""

_PENALTY = 1e-5
"""Weight of the squares of the constants, for columns of deviation 1."""


class Library(NamedTuple):
    """A query in one library: its facts, the scores of the units, and their targets, (n,) each; NaN is not known."""

    facts: QueryFacts
    scores: Numbers
    targets: Numbers


def query_libraries(trials: Trials, null: NullScores, half: int | None) -> Iterator[Library]:
    """Yield each query of a half with the units of that half; all of both if it is None."""
    units = np.full(len(trials.unit_halves), half is None) | (trials.unit_halves == half)
    for row in np.flatnonzero((trials.query_halves == half) | (half is None)).tolist():
        words = word_facts(trials.texts[row]) if trials.texts[row] else WordFacts(0.0, 0.0)
        facts = QueryFacts(*null.mean_and_deviation(trials.queries[row]), words)
        targets = trials.targets[row, units].astype(np.float64)
        if np.isfinite(targets).any():
            yield Library(facts, trials.scores[row, units].astype(np.float64), targets)


def fit_constants(groups: Sequence[tuple[Sequence[Library], float]], *, has_shares: bool) -> Constants:
    """Return the constants of one model.

    Args:
        groups: The libraries of each group of trials, and how much the group counts.
        has_shares: Whether the number of right units differs between the libraries, so that the share says something.
    """
    rng = np.random.default_rng(0)
    first = _fit_groups([(_first_rows(libraries, rng), weight) for libraries, weight in groups], free=FEATURES)
    constants = Constants(*first)
    if not has_shares:
        return constants
    second = _fit_groups([(_second_rows(libraries, constants, rng), weight) for libraries, weight in groups], free=3)
    return constants._replace(**dict(zip(("shift", "odds", "share"), second, strict=True)))


def model_of(library: Library, constants: Constants) -> QueryModel:
    """Return the model of a query in its library."""
    return query_model(library.facts, constants, library.scores)


def _first_rows(libraries: Sequence[Library], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a row for each pair: the columns of `features`, target and weight."""
    rows = []
    for facts, scores, targets in libraries:
        known = np.isfinite(targets)
        hard = known & ((scores > _EASY_SCORE) | (targets > 0))
        easy = known & ~hard & (rng.random(len(scores)) < 1 / _KEPT_ONE_IN)
        for rows_of, weight in ((hard, 1.0), (easy, float(_KEPT_ONE_IN))):
            columns = features(scores[rows_of], facts)
            rows.append(np.column_stack([columns, targets[rows_of], np.full(len(columns), weight)]))
    return np.concatenate(rows)


def _second_rows(libraries: Sequence[Library], constants: Constants, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a row for each pair: 1, log-odds of the first step, log share, target and weight."""
    rows = []
    for library, library_weight in _with_small_libraries(libraries, rng):
        first = log_odds(library.scores, library.facts, constants)
        share = log_share(first)
        known = np.isfinite(library.targets)
        hard = known & ((first > _EASY) | (library.targets > 0))
        easy = known & ~hard & (rng.random(len(first)) < 1 / _KEPT_ONE_IN)
        for rows_of, weight in ((hard, 1.0), (easy, float(_KEPT_ONE_IN))):
            count = int(rows_of.sum())
            columns = [np.ones(count), first[rows_of], np.full(count, share), library.targets[rows_of]]
            rows.append(np.column_stack([*columns, np.full(count, library_weight * weight)]))
    return np.concatenate(rows)


def _with_small_libraries(libraries: Sequence[Library], rng: np.random.Generator) -> Iterator[tuple[Library, float]]:
    """Yield each library, and smaller ones in which more units are right: of one subject. Each has a weight."""
    for facts, scores, targets in libraries:
        yield Library(facts, scores, targets), 1.0
        right, wrong = np.flatnonzero(targets == 1), np.flatnonzero(targets == 0)
        if len(right) >= 5 and np.isfinite(targets).all():
            for share in _SHARES:
                others = rng.permutation(wrong)[: int(len(right) * (1 - share) / share)]
                rows = np.concatenate([right, others])
                yield Library(facts, scores[rows], targets[rows]), _SMALL_WEIGHT


def _fit_groups(groups: Sequence[tuple[NDArray[np.float64], float]], *, free: int) -> list[float]:
    """Return the constants of a logistic regression; each group has the same number of right pairs times its weight."""
    rows = np.concatenate([group for group, _ in groups])
    weights = np.concatenate(
        [group[:, -1] * (weight / (group[:, -1] * group[:, -2]).sum()) for group, weight in groups]
    )
    columns, targets = rows[:, :free], rows[:, free]
    means, deviations = columns.mean(axis=0), columns.std(axis=0)
    means[0], deviations[deviations < 1e-9] = 0.0, 1.0
    scaled = (columns - means) / deviations
    scaled[:, 1:][:, columns[:, 1:].std(axis=0) < 1e-9] = 0.0  # columns that say nothing, such as words of pictures
    weights /= weights.sum()

    def loss(values: Numbers) -> tuple[float, Numbers]:
        odds = scaled @ values
        gradient = scaled.T @ (weights * (sigmoid(odds) - targets))
        gradient[1:] += 2 * _PENALTY * values[1:]
        return float(weights @ (np.logaddexp(0, odds) - targets * odds) + _PENALTY * (values[1:] ** 2).sum()), gradient

    start = np.zeros(free)
    start[0] = -4.0
    bounds = [(0.0, None) if row == _SQUARE and free == FEATURES else (None, None) for row in range(free)]
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000}).x
    constants = best / deviations
    constants[0] = best[0] - (best[1:] * means[1:] / deviations[1:]).sum()
    return [float(value) for value in constants]
