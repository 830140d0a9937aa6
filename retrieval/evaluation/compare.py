"""Comparison of two systems on one evaluation set, with a paired test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexer.errors import EvaluationError
from retrieval.evaluation.bootstrap import FLIPS, intervals, sign_flip_test
from retrieval.evaluation.result import Direction, Evaluation


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of two systems in one metric.

    Attributes:
        first: Mean of the first system, 0 to 1.
        second: Mean of the second system, 0 to 1.
        difference: Second minus first.
        low: Lower end of the difference's 95 % bootstrap interval.
        high: Upper end of that interval.
        p: How likely a difference of this size is if the systems are equally good, see `bootstrap.sign_flip_test`.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Results of two systems on the same queries.

    Attributes:
        first: Results of the first system.
        second: Results of the second system.
        differences: By direction and metric.
    """

    first: Evaluation
    second: Evaluation
    differences: Mapping[str, Mapping[str, Difference]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that `recall evaluate --compare --json` prints."""
        return {
            "systems": [{"name": result.system, **result.to_dict()} for result in (self.first, self.second)],
            "differences": {
                name: {metric: asdict(difference) for metric, difference in metrics.items()}
                for name, metrics in self.differences.items()
            },
            "flips": FLIPS,
        }


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Return the differences of two systems on the same queries.

    Raises:
        EvaluationError: They did not answer the same queries, or the depths differ.
    """
    unpaired = {name for name, _ in first.failures} ^ {name for name, _ in second.failures}
    shapes = [
        {name: direction.values.shape for name, direction in result.directions.items()} for result in (first, second)
    ]
    if unpaired or shapes[0] != shapes[1]:
        raise EvaluationError(
            f"{first.system} and {second.system} did not answer the same queries"
            + (f": only one of them could read {min(unpaired)}" if unpaired else "")
            + "; expected two systems on one set"
        )
    depths = [result.about.get("depth") for result in (first, second)]
    if depths[0] != depths[1]:
        raise EvaluationError(
            f"{first.system} was evaluated with depth {depths[0]} and {second.system} with depth {depths[1]}; "
            "expected the same depth"
        )
    differences = {name: _differences(first.directions[name], second.directions[name]) for name in first.directions}
    return Comparison(first, second, differences)


def _differences(first: Direction, second: Direction) -> dict[str, Difference]:
    """Return the differences by metric; the rows of both are the same queries."""
    per_query = second.values - first.values  # (n, m)
    ends = intervals(per_query, first.clusters)
    rows = zip(
        first.metrics,
        first.values.mean(axis=0).tolist(),
        second.values.mean(axis=0).tolist(),
        per_query.mean(axis=0).tolist(),
        np.ravel(ends[:, 0]).tolist(),
        np.ravel(ends[:, 1]).tolist(),
        sign_flip_test(per_query, first.clusters).tolist(),
        strict=True,
    )
    return {metric: Difference(*numbers) for metric, *numbers in rows}
