"""Two systems on one evaluation set, with a paired test."""

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
    """How two systems differ in one metric.

    Attributes:
        first: The first one's mean, 0 to 1.
        second: The second one's.
        difference: Second minus first.
        low: Lower end of the difference's 95 % bootstrap interval.
        high: Its upper end.
        p: How likely a difference as large is where the systems are equally good, see `resampling.sign_flip_test`.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two systems side by side.

    Attributes:
        first: What the first reached.
        second: What the second reached.
        differences: By direction and metric.
    """

    first: Evaluation
    second: Evaluation
    differences: Mapping[str, Mapping[str, Difference]]

    def to_dict(self) -> dict[str, Any]:
        """Return what `recall evaluate --compare --json` prints."""
        return {
            "systems": [{"name": each.system, **each.to_dict()} for each in (self.first, self.second)],
            "differences": {
                name: {metric: asdict(difference) for metric, difference in metrics.items()}
                for name, metrics in self.differences.items()
            },
            "flips": FLIPS,
        }


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Return how two systems differ on the same queries.

    Raises:
        EvaluationError: They did not answer the same queries, or were asked for different numbers of hits.
    """
    left = {name for name, _ in first.failures} ^ {name for name, _ in second.failures}
    shapes = [{name: way.values.shape for name, way in each.directions.items()} for each in (first, second)]
    if left or shapes[0] != shapes[1]:
        raise EvaluationError(
            f"{first.system} and {second.system} did not answer the same queries"
            + (f": only one of them could read {min(left)}" if left else "")
            + "; expected two systems on one set"
        )
    depths = [each.about.get("depth") for each in (first, second)]
    if depths[0] != depths[1]:
        raise EvaluationError(
            f"{first.system} was asked for {depths[0]} hits of each query and {second.system} for {depths[1]}; "
            "expected as many of both; give both the same depth"
        )
    differences = {name: _differences(first.directions[name], second.directions[name]) for name in first.directions}
    return Comparison(first, second, differences)


def _differences(first: Direction, second: Direction) -> dict[str, Difference]:
    """Return the differences by metric; the rows of both are the same queries."""
    each = second.values - first.values  # (n, m)
    ends = intervals(each, first.clusters)
    rows = zip(
        first.metrics,
        first.values.mean(axis=0).tolist(),
        second.values.mean(axis=0).tolist(),
        each.mean(axis=0).tolist(),
        np.ravel(ends[:, 0]).tolist(),
        np.ravel(ends[:, 1]).tolist(),
        sign_flip_test(each, first.clusters).tolist(),
        strict=True,
    )
    return {metric: Difference(*numbers) for metric, *numbers in rows}
