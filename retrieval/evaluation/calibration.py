"""How well match probabilities agree with what people call right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError
from indexer.types import Modality, Vectors
from retrieval.calibration import THRESHOLD
from retrieval.calibration.calibrator import query_facts
from retrieval.calibration.fitted import CALIBRATED, FITTED
from retrieval.calibration.metrics import calibration_error
from retrieval.calibration.null_scores import shipped_null_scores
from retrieval.calibration.probability import Form, ModelKey, Numbers, query_model

MAX_QUERIES = 1000
"""Captions that are used as queries; of more, evenly spaced ones."""

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Edges of the bins of probability that are reported."""

_NEAR = 1.5
"""An expected number within this factor of the true one is called near."""

_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class QueryPairs:
    """The pairs of one query.

    Attributes:
        probabilities: Match probability of each known unit, (n,).
        shares: Share of people who call it right, 0 to 1, (n,).
        expected: Expected number of matches; None if not all units are known.
    """

    probabilities: Numbers
    shares: Numbers
    expected: float | None


def calibration_report(
    texts: Sequence[str], vectors: Vectors, images: Vectors, shares: Sequence[Numbers]
) -> dict[str, Any]:
    """Return how well the probabilities of photos for captions agree with people, as values for JSON.

    `calibration_error` is the mean difference of probability and share, in 15 bins of equal size, over the hits that
    are not hidden by default; `hidden` is the share of what most people call right that is hidden; `nothing_shown` says
    for how many queries with and without a right photo nothing is shown; `expected_near` for how many of those with
    a right photo the expected number is within a factor of 1.5, if all photos are known; `bins` has what was said, what
    was right, and the number of pairs. Intervals are 95 % bootstrap intervals over the queries.

    Args:
        texts: The captions, (t,).
        vectors: Their unit vectors, shape (t, d).
        images: Unit vectors of the photos, shape (n, d).
        shares: For each caption the share of people who call each photo right, (n,); NaN where it is not known.
    """
    chosen = np.unique(np.linspace(0, len(texts) - 1, min(MAX_QUERIES, len(texts))).astype(np.int64))
    queries = [_query_pairs(texts[row], vectors[row], images, shares[row]) for row in chosen.tolist()]
    figures = _figures(queries)
    intervals = _intervals(queries)
    right = np.array([(query.shares > 0.5).any() for query in queries])
    is_empty = np.array([query.probabilities.max(initial=0.0) < THRESHOLD for query in queries])
    report: dict[str, Any] = {
        "queries": len(queries),
        "pairs": sum(len(query.shares) for query in queries),
        "calibration_error": figures[0],
        "calibration_error_interval": intervals[0],
        "hidden": figures[1],
        "hidden_interval": intervals[1],
        "nothing_shown": {
            "with_answer": _mean(is_empty[right]),
            "without_answer": _mean(is_empty[~right]),
        },
        "expected_near": _expected_near(queries),
        "bins": bins(queries),
    }
    return report


def require_calibrated(encoder: Encoder) -> None:
    """Refuse an encoder without probabilities.

    Raises:
        EvaluationError: No probabilities were fitted for it.
    """
    if encoder.fingerprint not in CALIBRATED:
        raise EvaluationError(
            f"encoder {encoder.name!r} is not calibrated: Recall has match probabilities for compact only; leave out "
            "--calibration, or use --encoder compact"
        )


def _query_pairs(text: str, vector: Vectors, images: Vectors, shares: Numbers) -> QueryPairs:
    """Return the pairs of one caption, as a search of these photos computes them."""
    scores = images @ vector
    facts = query_facts(vector, text, shipped_null_scores()[Modality.PHOTO])
    values = query_model(facts, FITTED[ModelKey(Form.WORDS, Modality.PHOTO)], scores).probabilities(scores)
    known = np.isfinite(shares)
    return QueryPairs(values[known], shares[known], float(values.sum()) if known.all() else None)


def _figures(queries: Sequence[QueryPairs]) -> tuple[float | None, float | None]:
    """Return the calibration error of what is shown, and the share of what is right that is hidden."""
    probabilities = np.concatenate([query.probabilities for query in queries])
    shares = np.concatenate([query.shares for query in queries])
    shown = probabilities >= THRESHOLD
    error = calibration_error(probabilities[shown], shares[shown]) if shown.any() else None
    return error, _mean(~shown[shares > 0.5])


def _intervals(queries: Sequence[QueryPairs]) -> list[list[float] | None]:
    """Return the 95 % bootstrap intervals of both figures over the queries; None where one cannot be computed."""
    needed = [  # hidden pairs that are not right enter neither figure
        QueryPairs(query.probabilities[rows], query.shares[rows], None)
        for query in queries
        for rows in [(query.probabilities >= THRESHOLD) | (query.shares > 0.5)]
    ]
    random = np.random.default_rng(0)
    values = [
        _figures([needed[row] for row in random.integers(0, len(needed), len(needed))]) for _ in range(_RESAMPLES)
    ]
    columns = [[value for value in column if value is not None] for column in zip(*values, strict=True)]
    return [np.quantile(column, (0.025, 0.975)).tolist() if column else None for column in columns]


def _expected_near(queries: Sequence[QueryPairs]) -> float | None:
    """Return for how many queries with an answer the expected number is near the true one, 0 to 1."""
    counts = [(query.expected, int((query.shares > 0.5).sum())) for query in queries]
    near = [
        abs(log(max(expected, 1e-9) / count)) <= log(_NEAR)
        for expected, count in counts
        if expected is not None and count
    ]
    return _mean(np.array(near))


def bins(queries: Sequence[QueryPairs]) -> list[dict[str, float]]:
    """Return what was said and what was right in each bin of probability, of those that are not empty."""
    probabilities = np.concatenate([query.probabilities for query in queries])
    shares = np.concatenate([query.shares for query in queries])
    numbers = np.digitize(probabilities, EDGES[1:-1])
    return [
        {
            "from": EDGES[number],
            "to": EDGES[number + 1],
            "said": float(probabilities[numbers == number].mean()),
            "right": float(shares[numbers == number].mean()),
            "pairs": int((numbers == number).sum()),
        }
        for number in np.unique(numbers).tolist()
    ]


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None
