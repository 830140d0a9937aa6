"""Which index is the fastest of those that find enough in the memory there is: all are built and measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from indexer.errors import ConfigError
from indexer.types import Ids, Progress, ProgressCallback, Vectors
from indexer.vectors.approximate import MEASURED, ApproximateIndex
from indexer.vectors.base import VectorIndex
from indexer.vectors.figures import KINDS, Asked, Held, IndexFigures, Kind
from indexer.vectors.inverted import Builder, InvertedFile, expected_bytes

K = MEASURED
"""Results of which the recall is counted."""

ASKED = 24
"""Results that are timed: what a search asks for, of whose ten best probabilities are computed too."""

PROBES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
REFINE = (50, 100, 200, 400)
"""What is tried: lists looked through, and candidates scored exactly."""

EQUAL = 64
"""Results that may count as one of the K best of a query: copies of a photo have equal scores."""

FEWEST = 1000
"""Vectors from which there is something to learn, and something to gain."""

TIMED = 40
"""Queries that are timed, one at a time."""


def choose(
    exact: VectorIndex,
    queries: Mapping[str, Held],
    asked: Asked,
    *,
    folder: Path,
    progress: ProgressCallback | None = None,
) -> tuple[list[IndexFigures], Path | None]:
    """Return all that was measured, the chosen one first, and the file of its inverted file, None where it is exact.

    Chosen is what answers soonest, opened anew for one query, of those that are what was asked for. All other files are
    deleted. What would take more than half of the memory that is free is not built.

    Args:
        exact: All vectors, one at least.
        queries: By name, some of each; the recall has to be reached with each kind of them.
        asked: What the index has to be.
        folder: For the files, which end in ".part".
        progress: Called with how far it has come.

    Raises:
        ConfigError: None is what was asked for.
        OSError: A file cannot be written.
    """
    sizes = {kind: expected_bytes(kind, len(exact), exact.dim) for kind in KINDS}
    free = _free_memory()
    kinds = [kind for kind in KINDS if sizes[kind] <= min(asked.memory or free / 2, free / 2)]
    if "ivf-sq8" in kinds:
        kinds.remove("ivf-sq4")  # finds the same with half the memory, but not sooner
    if asked.recall == 1 or len(exact) < FEWEST:
        kinds = []  # only looking at everything surely finds everything
    truth = {name: _truth(exact, held) for name, held in queries.items()} if kinds else {}
    trial = _Trial(exact, queries, truth, progress)
    kept = None
    try:
        found = [(trial.of_exact(), None), *_tried(trial, kinds, asked.recall, folder)]
        found = [(_judged(figures, asked), file) for figures, file in found]
        found.sort(key=lambda each: (not each[0].fits, each[0].waiting))
        figures = [each for each, _ in found]
        if not figures[0].fits:
            raise ConfigError(_none_fits(figures, asked, sizes))
        kept = found[0][1]
    finally:
        for kind in KINDS:
            if kept != (file := _file(folder, kind)):
                file.unlink(missing_ok=True)
    return figures, kept


def _free_memory() -> float:
    """Return the bytes of memory that could be had, infinity where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return math.inf


def _file(folder: Path, kind: Kind) -> Path:
    return folder / f"{kind}.part"


def _tried(
    trial: _Trial, kinds: Sequence[Kind], recall: float, folder: Path
) -> Iterator[tuple[IndexFigures, Path | None]]:
    """Yield the figures and the file of each kind."""
    if not kinds:
        return
    exact = trial.exact
    builder = Builder(exact.ids, exact.vectors, exact.dim, progress=trial.progress)
    for kind in kinds:
        start = time.perf_counter()
        builder.build(kind).save(_file(folder, kind))
        yield trial.of_kind(kind, _file(folder, kind), recall, time.perf_counter() - start), _file(folder, kind)


def _judged(figures: IndexFigures, asked: Asked) -> IndexFigures:
    fits = figures.recall >= asked.recall and (asked.memory is None or figures.memory <= asked.memory)
    return replace(figures, fits=fits)


def _none_fits(measured: Sequence[IndexFigures], asked: Asked, expected: Mapping[Kind, int]) -> str:
    """Return what to say where no index is what was asked for; exact search would find all, so memory is too little."""
    enough = [each for each in measured if each.recall >= asked.recall]
    sizes = {each.kind: each.memory for each in enough}
    if asked.recall < 1 and measured[0].vectors >= FEWEST:
        sizes = {kind: size for kind, size in expected.items() if all(each.kind != kind for each in measured)} | sizes
    least = min(sizes, key=lambda kind: sizes[kind])
    within = [each for each in measured if asked.memory is None or each.memory <= asked.memory]
    best = max((each.recall for each in within), default=None)
    much = "" if best is None else f"; in that memory {best:.3f} of them is the most"
    return (
        f"no index finds {asked.recall:g} of the ten best in {_megabytes(asked.memory or 0)}: the smallest that may, "
        f"{least}, takes about {_megabytes(sizes[least])}{much}; allow more --memory or a lower --recall"
    )


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 50_000 else f"{number:,} bytes"


def _truth(exact: VectorIndex, held: Held) -> list[Ids]:
    """Return for each query the ids of all that score no less than its K-th best result, at most `EQUAL` of them."""
    nearest = exact.search(held.vectors, EQUAL)
    found = []
    for row, (ids, scores) in enumerate(zip(nearest.ids, nearest.scores, strict=True)):
        others = np.flatnonzero((ids != -1) & (ids != (-1 if held.own is None else held.own[row])))
        found.append(ids[others][scores[others] >= scores[others[:K][-1:]]])
    return found


@dataclass(frozen=True, slots=True)
class _Trial:
    """What every kind is measured by: all vectors, queries, and their true results."""

    exact: VectorIndex
    queries: Mapping[str, Held]
    truth: Mapping[str, list[Ids]]
    progress: ProgressCallback | None

    def of_exact(self) -> IndexFigures:
        """Return the figures of looking at everything."""
        memory = len(self.exact) * self.exact.dim * 2  # float16
        return IndexFigures("exact", 1.0, _one_query(self.exact, self.queries), 0.0, memory, 0.0, len(self.exact))

    def of_kind(self, kind: Kind, file: Path, wanted: float, seconds: float) -> IndexFigures:
        """Return the figures of one kind at the setting that is the fastest with enough recall, else with the most."""
        with file.open("rb") as stream:
            start = time.perf_counter()
            lists = InvertedFile.load(stream)
            opening = (time.perf_counter() - start) * 1e3
        tried = self._settings(lists, wanted)
        timed = []
        for probes, refine, recall in [each for each in tried if each[2] >= wanted] or [max(tried, key=lambda t: t[2])]:
            index = ApproximateIndex(self.exact, lists, last=int(self.exact.ids[-1]), probes=probes, refine=refine)
            timed.append(
                IndexFigures(
                    kind, recall, _one_query(index, self.queries), opening, file.stat().st_size, seconds,
                    len(self.exact), probes, refine,
                )
            )  # fmt: skip
        return min(timed, key=lambda each: each.milliseconds)

    def _settings(self, lists: InvertedFile, wanted: float) -> list[tuple[int, int, float]]:
        """Return numbers of lists and candidates with their recall.

        For each number of lists that is the fewest candidates that are enough, or else those with the most recall.
        """
        found = []
        numbers = [probes for probes in PROBES if probes <= lists.lists] or [lists.lists]
        for number, probes in enumerate(numbers):
            each = [self._recalls(lists, self.queries[name], self.truth[name], probes) for name in self.queries]
            recalls = np.min(each, axis=0).tolist()
            pairs = list(zip(REFINE, recalls, strict=True))
            refine, recall = next((pair for pair in pairs if pair[1] >= wanted), max(pairs, key=lambda pair: pair[1]))
            found.append((probes, refine, recall))
            if self.progress:
                self.progress(Progress("measuring", number + 1, len(numbers)))
        return found

    def _recalls(self, lists: InvertedFile, held: Held, truth: Sequence[Ids], probes: int) -> Vectors:
        """Return the recall at each number of candidates, shape (len(REFINE),), for one kind of query."""
        named = lists.candidates(held.vectors, REFINE[-1], probes=probes)
        hits = np.zeros(len(REFINE), dtype=np.float32)
        for ids, true in zip(named, truth, strict=True):
            right = np.isin(ids, true)
            hits += [min(K, int(right[:refine].sum())) for refine in REFINE]
        exist = min(K, len(self.exact) - (held.own is not None))
        return hits / np.float32(max(1, exist * len(held.vectors)))


def _one_query(index: VectorIndex, queries: Mapping[str, Held]) -> float:
    """Return the median milliseconds of one query."""
    some = np.concatenate([held.vectors[:TIMED] for held in queries.values()])
    taken = []
    for number in range(len(some)):
        start = time.perf_counter()
        index.search(some[number : number + 1], ASKED)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3
