"""Results of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Progress, ProgressCallback
from retrieval.evaluation.bootstrap import RESAMPLES, intervals
from retrieval.evaluation.metrics import RelevantRanks, metric_names, values_per_query


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """Results in one direction, for instance from text to image.

    Attributes:
        metrics: Names of the metrics.
        values: Each metric of each query, shape (queries, metrics), 0 to 1.
        clusters: Cluster of each query, see `bootstrap`, shape (queries,).
        intervals: 95 % bootstrap interval of each metric's mean, shape (metrics, 2).
    """

    metrics: tuple[str, ...]
    values: NDArray[np.float64]
    clusters: Ids
    intervals: NDArray[np.float64]

    @property
    def means(self) -> dict[str, float]:
        """Mean of each metric over the queries, 0 to 1."""
        return dict(zip(self.metrics, self.values.mean(axis=0).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Results of a system on an evaluation set.

    Attributes:
        system: Name of the system.
        directions: By name: "text_to_image" and "image_to_text" for captions, "search" for queries.
        about: What was measured: counts and names.
        failures: Pictures and queries that were left out, with the reason.
        missing: Relevant files that are not in the library; they count as not found.
        calibration: How well match probabilities agree with people, see `calibration_report`, if that was measured.
    """

    system: str
    directions: Mapping[str, Direction]
    about: Mapping[str, str | int | float]
    failures: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    calibration: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that `recall evaluate --json` prints."""
        return {
            **{name: direction.means for name, direction in self.directions.items()},
            **self.about,
            "failed": len(self.failures),
            "intervals": {
                name: dict(zip(direction.metrics, direction.intervals.tolist(), strict=True))
                for name, direction in self.directions.items()
            },
            "resamples": RESAMPLES,
            **({} if self.calibration is None else {"calibration": self.calibration}),
        }


def measure(relevant: RelevantRanks, clusters: Ids, progress: ProgressCallback | None) -> Direction:
    """Return the results in one direction.

    Args:
        relevant: Ranks of the relevant answers.
        clusters: Cluster of each query, shape (queries,).
        progress: Called as queries are measured.
    """
    notify = progress or (lambda _: None)
    values = values_per_query(relevant, report=lambda done: notify(Progress("measuring", done, relevant.queries)))
    return Direction(metric_names(), values, clusters, intervals(values, clusters))
