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
from indexer.vectors.base import VectorIndex
from indexer.vectors.faiss_ivf import Builder, InvertedFile, expected_bytes
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.kinds import APPROXIMATE_KINDS, Kind
from indexer.vectors.measurements import HoldoutQueries, IndexMeasurement, IndexTarget, SearchDepth

STEPS = (10, 24, 50, 100, 200, 400)
"""Results for which it is measured how far to look.

The first is what recall is spoken of, the second what a search asks for: an index has to find enough of both, and to
look for the second is what is timed.
"""

PROBES = tuple(sorted(base << power for base in (4, 6) for power in range(10)))
REFINE = (50, 100, 200, 400, 800, 1600)
"""What is tried: lists looked through, from 4 to 3,072, and candidates scored exactly."""

EQUAL = 64
"""Results more than are counted that may count as well: copies of a photo have equal scores."""

FEWEST = 1000
"""Vectors from which there is something to learn, and something to gain."""

TIMED = 40
"""Queries that are timed, one at a time."""


def choose(
    exact: VectorIndex,
    queries: Mapping[str, HoldoutQueries],
    asked: IndexTarget,
    *,
    folder: Path,
    progress: ProgressCallback | None = None,
) -> tuple[list[IndexMeasurement], Path | None]:
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
    sizes = {kind: expected_bytes(kind, len(exact), exact.dim) for kind in APPROXIMATE_KINDS}
    free = _free_memory()
    kinds = [kind for kind in APPROXIMATE_KINDS if sizes[kind] <= min(asked.memory or free / 2, free / 2)]
    if "ivf-sq8" in kinds:
        kinds.remove("ivf-sq4")  # finds the same with half the memory, but not sooner
    if asked.recall == 1 or len(exact) < FEWEST:
        kinds = []  # only looking at everything surely finds everything
    truths = {name: _truths(exact, held) for name, held in queries.items()} if kinds else {}
    trial = _Trial(exact, queries, truths, progress)
    kept = None
    try:
        everything = trial.of_exact()
        found = [(everything, None), *_tried(trial, kinds, asked.recall, everything.milliseconds, folder)]
        found = [(_judged(figures, asked), file) for figures, file in found]
        found.sort(key=lambda each: (not each[0].fits, each[0].waiting))
        figures = [each for each, _ in found]
        if not figures[0].fits:
            raise ConfigError(_none_fits(figures, asked, sizes))
        kept = found[0][1]
    finally:
        for kind in APPROXIMATE_KINDS:
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
    trial: _Trial, kinds: Sequence[Kind], asked: float, limit: float, folder: Path
) -> Iterator[tuple[IndexMeasurement, Path | None]]:
    """Yield the figures and the file of each kind."""
    if not kinds:
        return
    exact = trial.exact
    builder = Builder(exact.ids, exact.vectors, exact.dim, progress=trial.progress)
    for kind in kinds:
        start = time.perf_counter()
        file = _file(folder, kind)
        builder.build(kind).save(file)
        yield trial.of_kind(kind, file, asked, seconds=time.perf_counter() - start, limit=limit), file


def _judged(figures: IndexMeasurement, asked: IndexTarget) -> IndexMeasurement:
    fits = figures.recall >= asked.recall and (asked.memory is None or figures.memory <= asked.memory)
    return replace(figures, fits=fits)


def _none_fits(measured: Sequence[IndexMeasurement], asked: IndexTarget, expected: Mapping[Kind, int]) -> str:
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


@dataclass(frozen=True, slots=True)
class _Truth:
    """What one query has to find.

    Attributes:
        ids: The best, ascending.
        places: That of each among the best, 0 for the best.
        counted: How many of them count as one of the best, for each of `STEPS`: all that score no less than the last
            of so many, at most `EQUAL` more.
    """

    ids: Ids
    places: Ids
    counted: tuple[int, ...]

    def hits(self, named: Ids) -> Vectors:
        """Return how many of the best are found, for each of `STEPS` and of `REFINE`, shape (s, r); 0 where s > r.

        Args:
            named: Candidates, likely best first, shape (REFINE[-1],).
        """
        at = np.searchsorted(self.ids, named).clip(max=len(self.ids) - 1)
        places = np.where(self.ids[at] == named, self.places[at], len(self.ids))
        refine, wanted = np.array(REFINE), np.array(STEPS)[:, None]
        right = np.array([np.cumsum(places < counted)[refine - 1] for counted in self.counted])
        return np.where(refine >= wanted, np.minimum(right, wanted), 0).astype(np.float32)


def _truths(exact: VectorIndex, held: HoldoutQueries) -> list[_Truth]:
    """Return what each query has to find."""
    nearest = exact.search(held.vectors, STEPS[-1] + EQUAL)
    found = []
    for row, (ids, scores) in enumerate(zip(nearest.ids, nearest.scores, strict=True)):
        others = np.flatnonzero((ids != -1) & (ids != (-1 if held.own is None else held.own[row])))
        falling = -scores[others]
        alike = [int(np.searchsorted(falling, falling[:many][-1], side="right")) for many in STEPS]
        counted = tuple(min(each, many + EQUAL) for each, many in zip(alike, STEPS, strict=True))
        ascending = np.argsort(ids[others])
        found.append(_Truth(ids[others][ascending], ascending, counted))
    return found


@dataclass(frozen=True, slots=True)
class _Setting:
    """How far was looked, and the recall of as many best as each of `STEPS`."""

    probes: int
    refine: int
    recalls: tuple[float, ...]

    def least(self, place: int) -> float:
        """Return the lowest recall of as many as one of `STEPS`, and of fewer: a list's beginning matters most."""
        return min(self.recalls[: place + 1])


@dataclass(frozen=True, slots=True)
class _Trial:
    """What every kind is measured by: all vectors, queries, and what these have to find."""

    exact: VectorIndex
    queries: Mapping[str, HoldoutQueries]
    truths: Mapping[str, list[_Truth]]
    progress: ProgressCallback | None

    def of_exact(self) -> IndexMeasurement:
        """Return the figures of looking at everything."""
        memory = len(self.exact) * self.exact.dim * 2  # float16
        return IndexMeasurement("exact", 1.0, self._one_query(self.exact, STEPS[1]), 0.0, memory, 0.0, len(self.exact))

    def of_kind(self, kind: Kind, file: Path, asked: float, *, seconds: float, limit: float) -> IndexMeasurement:
        """Return the figures of one kind, that looks as far as it has to for enough recall, or else for the most.

        Args:
            kind: How it holds the vectors.
            file: Where it is.
            asked: The recall that is enough.
            seconds: What it took to build.
            limit: What one query takes exactly, in milliseconds: what would take longer is to be searched so.
        """
        with file.open("rb") as stream:
            start = time.perf_counter()
            lists = InvertedFile.load(stream)
            opening = (time.perf_counter() - start) * 1e3
        settings = self._settings(lists, asked)
        enough = [[each for each in settings if each.least(place) >= asked] for place in range(len(STEPS))]
        if not enough[1]:
            enough[:2] = [[max(settings, key=lambda each: each.least(1))]] * 2
        found = [self._fastest(lists, each, place) for place, each in enumerate(enough) if each]
        (_, ten, _), (milliseconds, first, recall), *others = found
        depths = (ten, first, *(depth for taken, depth, _ in others if taken < limit))
        return IndexMeasurement(
            kind, recall, milliseconds, opening, file.stat().st_size, seconds, len(self.exact), depths
        )  # fmt: skip

    def _settings(self, lists: InvertedFile, asked: float) -> list[_Setting]:
        """Return what looking into more and more lists finds, as far as that is of use."""
        found: list[_Setting] = []
        numbers = [probes for probes in PROBES if probes <= lists.lists] or [lists.lists]
        fewest = np.searchsorted(REFINE, STEPS)  # candidates for each
        for number, probes in enumerate(numbers, start=1):
            recalls = np.min([self._recalls(lists, name, probes) for name in self.queries], axis=0)
            each = zip(REFINE, recalls.T.tolist(), strict=True)
            found += [_Setting(probes, refine, tuple(row)) for refine, row in each]
            done = bool(np.all(recalls[range(len(STEPS)), fewest] >= asked))
            if self.progress:
                self.progress(Progress("measuring", len(numbers) if done else number, len(numbers)))
            if done:
                break
        return found

    def _recalls(self, lists: InvertedFile, name: str, probes: int) -> Vectors:
        """Return the recalls of one kind of query for each of `STEPS` and of `REFINE`, shape (s, r)."""
        held, truths = self.queries[name], self.truths[name]
        named = lists.candidates(held.vectors, REFINE[-1], probes=probes)
        hits = np.sum([truth.hits(ids) for ids, truth in zip(named, truths, strict=True)], axis=0)
        exist = np.minimum(STEPS, len(self.exact) - (held.own is not None))
        recalls: Vectors = hits / (exist * len(truths))[:, None]
        return recalls

    def _fastest(
        self, lists: InvertedFile, settings: Sequence[_Setting], place: int
    ) -> tuple[float, SearchDepth, float]:
        """Return the milliseconds of the setting that is the fastest for one of `STEPS`, it, and its recall.

        Args:
            lists: What is looked through.
            settings: Of ascending numbers of lists, for each of ascending numbers of candidates.
            place: Which of `STEPS`.
        """
        timed = []
        fewest = math.inf
        for each in settings:
            if each.refine < fewest:  # else another one takes fewer lists and no more candidates
                fewest = each.refine
                depth = SearchDepth(STEPS[place], each.probes, each.refine)
                index = ApproximateIndex(self.exact, lists, watermark=int(self.exact.ids[-1]), depths=[depth])
                timed.append((self._one_query(index, STEPS[place]), depth, each.least(place)))
        return min(timed, key=lambda each: each[0])

    def _one_query(self, index: VectorIndex, results: int) -> float:
        """Return the median milliseconds of one query."""
        some = np.concatenate([held.vectors[:TIMED] for held in self.queries.values()])
        taken = []
        for number in range(len(some)):
            start = time.perf_counter()
            index.search(some[number : number + 1], results)
            taken.append(time.perf_counter() - start)
        return statistics.median(taken) * 1e3
