"""Selection of the fastest index that reaches a target recall within a memory limit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from indexer.errors import ConfigError
from indexer.types import ProgressCallback
from indexer.vectors.autotune.ground_truth import ground_truths
from indexer.vectors.autotune.trial import ServerIndex, Trial
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_ivf import InvertedFileBuilder, expected_bytes
from indexer.vectors.kinds import APPROXIMATE_KINDS, Kind
from indexer.vectors.measurements import HoldoutQueries, IndexMeasurement, IndexTarget

ServerBuild = Callable[[ProgressCallback | None], AbstractContextManager[tuple[ServerIndex, float]]]
"""Returns a block with the index in a server, built for it, and the seconds that took; an error in it removes it."""

_MIN_VECTORS = 1000
"""Fewer vectors are searched exactly: there is too little to train on, and nothing to gain."""


def choose(
    exact: MutableIndex,
    queries: Mapping[str, HoldoutQueries],
    target: IndexTarget,
    *,
    folder: Path,
    server: ServerBuild | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[list[IndexMeasurement], Path | None]:
    """Return all measurements, the chosen kind first, and its inverted file, which is None for exact search.

    Of the kinds that meet the target, the one with the shortest time to open it and answer one query is chosen. The
    files of the others are deleted. Kinds that would take more than half of the free memory are not built.

    The index in a database server takes no memory of the machines that search, but each search goes there: any index in
    memory is faster. It takes minutes to build. So it is built and measured only if no other kind meets the target,
    because of the memory limit.

    Args:
        exact: The exact index, with at least one vector.
        queries: Queries by kind, at least one of each; the recall must be reached with every kind.
        target: What the index must achieve.
        folder: Folder for the inverted files, whose names end in ".part".
        server: Builds the index in the server that has the vectors; None if none has.
        progress: Called with the progress.

    Raises:
        ConfigError: No kind meets the target.
        OSError: A file cannot be written.
    """
    if not _is_worth_building(target, len(exact)):
        server = None
    sizes = {kind: expected_bytes(kind, len(exact), exact.dim) for kind in APPROXIMATE_KINDS}
    kinds = _kinds_to_build(sizes, target, len(exact))
    truths = {name: ground_truths(exact, part) for name, part in queries.items()} if kinds or server else {}
    trial = Trial(exact, queries, truths, progress)
    chosen_file = None
    try:
        by_exact_search = trial.measure_exact()
        measured = [(by_exact_search, None), *_build_and_measure(trial, kinds, target, by_exact_search, folder)]
        rated = [(_rate(measurement, target), file) for measurement, file in measured]
        rated.sort(key=lambda pair: (not pair[0].fits, pair[0].waiting))
        if server is not None and not rated[0][0].fits:
            with server(progress) as (index, seconds):
                measurement = _rate(trial.measure_server(index, target.recall, seconds=seconds), target)
                rated.insert(0, (measurement, None))
                _check_fits(rated, target, sizes)  # within: else the index is not kept
        _check_fits(rated, target, sizes)
        chosen_file = rated[0][1]
    finally:
        for kind in APPROXIMATE_KINDS:
            if chosen_file != (file := _part_file(folder, kind)):
                file.unlink(missing_ok=True)
    return [measurement for measurement, _ in rated], chosen_file


def _kinds_to_build(sizes: Mapping[Kind, int], target: IndexTarget, vectors: int) -> list[Kind]:
    """Return the approximate kinds that are worth building."""
    if not _is_worth_building(target, vectors):
        return []
    limit = _free_memory() / 2
    kinds = [kind for kind in APPROXIMATE_KINDS if sizes[kind] <= min(target.memory or limit, limit)]
    if "ivf-sq8" in kinds:
        kinds.remove("ivf-sq4")  # finds the same with half the memory, but is not faster
    return kinds


def _is_worth_building(target: IndexTarget, vectors: int) -> bool:
    """Return whether an approximate index may be chosen: only exact search is certain to find everything."""
    return target.recall < 1 and vectors >= _MIN_VECTORS


def _free_memory() -> float:
    """Return the available bytes of memory, or infinity if the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return math.inf


def _part_file(folder: Path, kind: Kind) -> Path:
    return folder / f"{kind}.part"


def _build_and_measure(
    trial: Trial, kinds: Sequence[Kind], target: IndexTarget, by_exact_search: IndexMeasurement, folder: Path
) -> Iterator[tuple[IndexMeasurement, Path | None]]:
    """Yield the measurement and the file of each approximate kind."""
    if not kinds:
        return
    exact = trial.exact
    builder = InvertedFileBuilder(exact.ids, exact.vectors, exact.dim, progress=trial.progress)
    for kind in kinds:
        start = time.perf_counter()
        file = _part_file(folder, kind)
        builder.build(kind).save(file)
        seconds = time.perf_counter() - start
        limit = by_exact_search.milliseconds
        yield trial.measure(kind, file, target.recall, seconds=seconds, exact_milliseconds=limit), file


def _rate(measurement: IndexMeasurement, target: IndexTarget) -> IndexMeasurement:
    """Return a measurement with `fits` set."""
    is_small = target.memory is None or measurement.memory <= target.memory
    return replace(measurement, fits=measurement.recall >= target.recall and is_small)


def _check_fits(
    rated: Sequence[tuple[IndexMeasurement, Path | None]], target: IndexTarget, expected_sizes: Mapping[Kind, int]
) -> None:
    """Refuse a target that the first kind, which is the best, does not meet.

    Raises:
        ConfigError: It does not.
    """
    if not rated[0][0].fits:
        raise ConfigError(_none_fits([measurement for measurement, _ in rated], target, expected_sizes))


def _none_fits(
    measurements: Sequence[IndexMeasurement], target: IndexTarget, expected_sizes: Mapping[Kind, int]
) -> str:
    """Return the message if no kind meets the target; exact search has full recall, so memory is too small."""
    sizes: dict[str, int] = {}
    if target.recall < 1 and measurements[0].vectors >= _MIN_VECTORS:
        measured = {measurement.kind for measurement in measurements}
        sizes |= {kind: size for kind, size in expected_sizes.items() if kind not in measured}
    sizes |= {result.kind: result.memory for result in measurements if result.recall >= target.recall}
    smallest = min(sizes, key=lambda kind: sizes[kind])
    recalls = [result.recall for result in measurements if target.memory is None or result.memory <= target.memory]
    best = f"; the best recall in that memory is {max(recalls):.3f}" if recalls else ""
    return (
        f"no index reaches a recall of {target.recall:g} in {_format_bytes(target.memory or 0)}: the smallest that "
        f"might, {smallest}, takes about {_format_bytes(sizes[smallest])}{best}; allow more --memory or a lower "
        "--recall"
    )


def _format_bytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 50_000 else f"{number:,} bytes"
