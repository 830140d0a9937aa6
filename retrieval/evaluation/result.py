"""What a system reached on an evaluation set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Progress, ProgressCallback
from retrieval.evaluation.bootstrap import RESAMPLES, intervals
from retrieval.evaluation.metrics import Judged, metric_names, values_per_query


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """What a system reached in one direction, for instance from words to photos.

    Attributes:
        metrics: Their names.
        values: Each metric of each query, shape (queries, metrics), 0 to 1.
        clusters: Which queries belong together, see `resampling`, shape (queries,).
        intervals: 95 % bootstrap interval of each metric's mean, shape (metrics, 2).
    """

    metrics: tuple[str, ...]
    values: NDArray[np.float64]
    clusters: Ids
    intervals: NDArray[np.float64]

    @property
    def means(self) -> dict[str, float]:
        """Each metric's mean over the queries, 0 to 1."""
        return dict(zip(self.metrics, self.values.mean(axis=0).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a system reached on a set.

    Attributes:
        system: Its name.
        directions: By name: "text_to_image" and "image_to_text" for captions, "search" for queries.
        about: What took part: counts, and names.
        failures: Name and reason of each picture and query that was left out.
        missing: Relevant files that are not in the library; they count as not found.
    """

    system: str
    directions: Mapping[str, Direction]
    about: Mapping[str, str | int | float]
    failures: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what `recall evaluate --json` prints."""
        return {
            **{name: direction.means for name, direction in self.directions.items()},
            **self.about,
            "failed": len(self.failures),
            "intervals": {
                name: dict(zip(direction.metrics, direction.intervals.tolist(), strict=True))
                for name, direction in self.directions.items()
            },
            "resamples": RESAMPLES,
        }


def measure(judged: Judged, clusters: Ids, progress: ProgressCallback | None) -> Direction:
    """Return what a system reached in one direction.

    Args:
        judged: Where it put the relevant answers.
        clusters: Which queries belong together, shape (queries,).
        progress: Called as queries are measured.
    """
    report = progress or (lambda _: None)
    values = values_per_query(judged, report=lambda done: report(Progress("measuring", done, judged.queries)))
    return Direction(metric_names(), values, clusters, intervals(values, clusters))
