"""Measurement of one kind of index: recall per search depth, and time per query."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.types import Progress, ProgressCallback, Vectors
from indexer.vectors.autotune.ground_truth import REFINE_COUNTS, RESULT_COUNTS, GroundTruth
from indexer.vectors.base import MutableIndex, VectorIndex
from indexer.vectors.faiss_ivf import InvertedFile
from indexer.vectors.ivf_refined import ApproximateIndex, CandidateIndex
from indexer.vectors.kinds import SERVER_KIND, Kind
from indexer.vectors.measurements import HoldoutQueries, IndexMeasurement, SearchDepth

PROBE_COUNTS = tuple(sorted(base << power for base in (4, 6) for power in range(10)))
"""Numbers of searched lists that are tried, from 4 to 3,072."""

SERVER_DEPTHS = (100, 200, 400, 800, 1000)
"""Depths of the search in a server's graph that are tried: pgvector's hnsw.ef_search, which is at most 1,000."""

_TIMED_QUERIES = 40
"""Queries of each kind that are timed, one at a time."""


class ServerIndex(CandidateIndex, Protocol):
    """An index in a database server."""

    def at_depths(self, depths: Sequence[SearchDepth]) -> VectorIndex:
        """Return the index with other search depths."""


@dataclass(frozen=True, slots=True)
class _DepthRecall:
    """Recall of one search depth.

    Attributes:
        probes: Lists that were searched.
        refine: Candidates that were scored exactly.
        recalls: Recall for each of `RESULT_COUNTS`.
    """

    probes: int
    refine: int
    recalls: tuple[float, ...]

    def min_recall(self, place: int) -> float:
        """Return the lowest recall for this number of results and all smaller ones: the first results matter most."""
        return min(self.recalls[: place + 1])


@dataclass(frozen=True, slots=True)
class Trial:
    """Measures every kind of index in the same way.

    Attributes:
        exact: The exact index over all vectors.
        queries: Queries by kind; each kind must reach the recall.
        truths: Ground truth of each query, by kind.
        progress: Called with the progress.
    """

    exact: MutableIndex
    queries: Mapping[str, HoldoutQueries]
    truths: Mapping[str, list[GroundTruth]]
    progress: ProgressCallback | None

    def measure_exact(self) -> IndexMeasurement:
        """Return the measurement of exact search."""
        return IndexMeasurement(
            kind="exact",
            recall=1.0,
            milliseconds=self._time_query(self.exact, RESULT_COUNTS[1]),
            opening=0.0,
            memory=len(self.exact) * self.exact.dim * 2,  # float16
            seconds=0.0,
            vectors=len(self.exact),
        )

    def measure(
        self, kind: Kind, file: Path, target_recall: float, *, seconds: float, exact_milliseconds: float
    ) -> IndexMeasurement:
        """Return the measurement of an approximate kind at the fastest depths that reach the target.

        If no depth reaches it for what a search requests, the depth with the highest recall is measured.

        Args:
            kind: Kind of inverted file.
            file: The inverted file.
            target_recall: Recall to reach.
            seconds: Time that building took.
            exact_milliseconds: Time of one exact query; numbers of results that would take longer get no depth, so that
                they are searched exactly.
        """
        with file.open("rb") as stream:
            start = time.perf_counter()
            lists = InvertedFile.load(stream)
            opening = (time.perf_counter() - start) * 1e3
        tried = self._depth_recalls(lists, target_recall)
        sufficient = [
            [depth for depth in tried if depth.min_recall(place) >= target_recall]
            for place in range(len(RESULT_COUNTS))
        ]
        if not sufficient[1]:
            sufficient[:2] = [[max(tried, key=lambda depth: depth.min_recall(1))]] * 2
        fastest = [self._fastest(lists, depths, place) for place, depths in enumerate(sufficient) if depths]
        (_, ten, _), (milliseconds, usual, recall), *others = fastest
        return IndexMeasurement(
            kind=kind,
            recall=recall,
            milliseconds=milliseconds,
            opening=opening,
            memory=file.stat().st_size,
            seconds=seconds,
            vectors=len(self.exact),
            depths=(ten, usual, *(depth for duration, depth, _ in others if duration < exact_milliseconds)),
        )

    def measure_server(self, index: ServerIndex, target_recall: float, *, seconds: float) -> IndexMeasurement:
        """Return the measurement of the server's graph at the least depth that reaches the target, else the greatest.

        That depth is for all numbers of results: a graph that is searched for the ten best at a depth of 200 names the
        200 best in passing, though it may miss more of the last ones.

        Args:
            index: Searches at the depths that it is given, and names candidates.
            target_recall: Recall to reach.
            seconds: Time that building took.
        """
        probes, recall = 0, 0.0
        for number, probes in enumerate(SERVER_DEPTHS, start=1):
            recall = min(float(self._recalls(index, name, probes)[:2, -1].min()) for name in self.queries)
            if self.progress:
                self.progress(Progress("measuring", number, len(SERVER_DEPTHS)))
            if recall >= target_recall:
                break
        refined = [(results, max(REFINE_COUNTS[0], results + results // 8)) for results in RESULT_COUNTS[1:]]
        depths = tuple(SearchDepth(results, max(probes, refine), refine) for results, refine in refined)
        return IndexMeasurement(
            kind=SERVER_KIND,
            recall=recall,
            milliseconds=self._time_query(index.at_depths(depths), RESULT_COUNTS[1]),
            opening=0.0,
            memory=0,
            seconds=seconds,
            vectors=len(self.exact),
            depths=depths,
        )

    def _depth_recalls(self, lists: InvertedFile, target_recall: float) -> list[_DepthRecall]:
        """Return the recall of ever more probes, until the fewest candidates reach the target for every count."""
        depths: list[_DepthRecall] = []
        probe_counts = [probes for probes in PROBE_COUNTS if probes <= lists.lists] or [lists.lists]
        fewest = np.searchsorted(REFINE_COUNTS, RESULT_COUNTS)  # candidates for each number of results
        for number, probes in enumerate(probe_counts, start=1):
            recalls = np.min([self._recalls(lists, name, probes) for name in self.queries], axis=0)
            columns = zip(REFINE_COUNTS, recalls.T.tolist(), strict=True)
            depths += [_DepthRecall(probes, refine, tuple(column)) for refine, column in columns]
            done = bool(np.all(recalls[range(len(RESULT_COUNTS)), fewest] >= target_recall))
            if self.progress:
                self.progress(Progress("measuring", len(probe_counts) if done else number, len(probe_counts)))
            if done:
                break
        return depths

    def _recalls(self, lists: CandidateIndex, name: str, probes: int) -> Vectors:
        """Return the recall of one kind of query, per number of results and of candidates, shape (s, r)."""
        queries, truths = self.queries[name], self.truths[name]
        candidates = lists.candidates(queries.vectors, REFINE_COUNTS[-1], probes=probes)
        hits = np.sum([truth.hits(ids) for ids, truth in zip(candidates, truths, strict=True)], axis=0)
        possible = np.minimum(RESULT_COUNTS, len(self.exact) - (queries.own_ids is not None))
        recalls: Vectors = hits / (possible * len(truths))[:, None]
        return recalls

    def _fastest(
        self, lists: InvertedFile, depths: Sequence[_DepthRecall], place: int
    ) -> tuple[float, SearchDepth, float]:
        """Return the fastest of several depths for one number of results: milliseconds, depth and recall.

        Args:
            lists: The inverted file.
            depths: Depths by ascending probes, then by ascending candidates.
            place: Index into `RESULT_COUNTS`.
        """
        timed = []
        fewest = math.inf
        for recall in depths:
            if recall.refine < fewest:  # else an earlier depth has fewer probes and no more candidates
                fewest = recall.refine
                depth = SearchDepth(RESULT_COUNTS[place], recall.probes, recall.refine)
                index = ApproximateIndex(self.exact, lists, watermark=int(self.exact.ids[-1]), depths=[depth])
                timed.append((self._time_query(index, RESULT_COUNTS[place]), depth, recall.min_recall(place)))
        return min(timed, key=lambda measured: measured[0])

    def _time_query(self, index: VectorIndex, results: int) -> float:
        """Return the median milliseconds of one query."""
        queries = np.concatenate([part.vectors[:_TIMED_QUERIES] for part in self.queries.values()])
        durations = []
        for row in range(len(queries)):
            start = time.perf_counter()
            index.search(queries[row : row + 1], results)
            durations.append(time.perf_counter() - start)
        return statistics.median(durations) * 1e3
