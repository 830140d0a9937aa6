"""The report of a sync: counts, failures, seconds per stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:  # a command's help imports this module without a database library
    from indexer.catalog.statements.counts import Failure
    from indexer.vectors.measurements import IndexChoice

Outcome = Literal["added", "changed", "moved", "removed", "unchanged", "failed"]
OUTCOMES = get_args(Outcome)
Stage = Literal["scan", "load", "decode", "encode", "write", "index"]

MIN_ENCODE_SECONDS = 1.0
"""Seconds of encoding from which on a run has a bottleneck; below, starting up takes most of the time."""

MAX_LISTED = 100
"""Failures in a report, at most; the catalog has all of them."""


class MissingFolder(NamedTuple):
    """A folder that has lost all of its files; its disk may be away, so its items stay in the library.

    Attributes:
        path: The folder.
        items: Number of its items that stay.
        reason: What was found instead of the files.
    """

    path: str
    items: int
    reason: str


@dataclass(slots=True)
class SyncReport:
    """The result of a sync.

    The six counts add up to the number of files found and files removed. `failed` counts every file of the source that
    is not indexed, including those that failed in an earlier run and have not changed since.

    Attributes:
        is_dry_run: Whether nothing was changed; the counts say what a run would do, if every file can be read.
        added: New items, including copies of indexed ones.
        changed: Items with new content.
        moved: Items whose file has a new path; they were not encoded again.
        removed: Items whose file was deleted.
        unchanged: Items whose file did not change.
        failed: Files that could not be indexed.
        unreadable_folders: Folders and single files that could not be accessed; their items stay in the library.
        passed_over: Number of files by ending ("" for none), for the endings that are not a photo's although a file
            with it holds a picture. A few files of each ending are opened.
        missing_folders: Folders that have lost all of their files, perhaps because a disk is not connected; their items
            stay in the library and are in none of the counts.
        failures: The first failures by path, at most `MAX_LISTED`.
        unread_sidecars: The first sidecars that could not be read, at most `MAX_LISTED`; their photos are indexed.
        reencoded: Photos and chunks whose embedding was approximate, or missing after an import, and that now have one
            of the library's encoder.
        approximate: Embeddings that are still approximate.
        not_reencoded: The first items whose approximate embeddings could not be replaced, at most `MAX_LISTED`.
        index_choice: The index that was chosen at the end, None if no choice was due.
        seconds: Seconds per stage. "decode" is the sum over the decoder processes. Decoding and writing run in
            parallel with the other stages, so the sum may exceed `total_seconds`.
        wait_seconds: Seconds per stage during which the run did nothing else: all of a stage that runs in the caller's
            thread, and the time spent waiting for decoding and writing. The sum is close to `total_seconds`.
        total_seconds: Seconds of the whole run.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: int = 0
    unreadable_folders: list[str] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)
    missing_folders: list[MissingFolder] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unread_sidecars: list[Failure] = field(default_factory=list)
    reencoded: int = 0
    approximate: int = 0
    not_reencoded: list[Failure] = field(default_factory=list)
    index_choice: IndexChoice | None = None
    seconds: dict[Stage, float] = field(default_factory=dict)
    wait_seconds: dict[Stage, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    is_dry_run: bool = False

    @property
    def bottleneck(self) -> tuple[Stage, float] | None:
        """The stage that took most of the run's time, and its share, 0 to 1.

        None if encoding took less than `MIN_ENCODE_SECONDS`. If decoders and encoder share processors, they slow each
        other down, so "encode" includes the time that the decoders took from it.
        """
        if self.seconds.get("encode", 0.0) < MIN_ENCODE_SECONDS or not self.total_seconds:
            return None
        stage = max(self.wait_seconds, key=lambda name: self.wait_seconds[name])
        return stage, self.wait_seconds[stage] / self.total_seconds

    @property
    def summary(self) -> str:
        """The counts that are not 0, and always the number of added items, as text."""
        counts = {name: getattr(self, name) for name in OUTCOMES}
        return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number or name == "added")

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Add to one of the counts."""
        setattr(self, outcome, getattr(self, outcome) + number)

    @contextmanager
    def timing(self, stage: Stage, *, in_background: bool = False) -> Iterator[None]:
        """Add the time spent in the `with` block to a stage.

        Args:
            stage: The stage.
            in_background: Whether the block runs in another thread while the run continues.
        """
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            _add(self.seconds, stage, seconds)
            if not in_background:
                _add(self.wait_seconds, stage, seconds)

    @contextmanager
    def waiting(self, stage: Stage) -> Iterator[None]:
        """Add the time spent in the `with` block to the time that the run waits for a stage in another thread."""
        start = time.perf_counter()
        try:
            yield
        finally:
            _add(self.wait_seconds, stage, time.perf_counter() - start)

    def include(self, other: SyncReport) -> None:
        """Add another report to this one."""
        for outcome in OUTCOMES:
            self.count(outcome, getattr(other, outcome))
        self.unreadable_folders += other.unreadable_folders
        self.missing_folders += other.missing_folders
        self.failures = (self.failures + other.failures)[:MAX_LISTED]
        for ending, number in other.passed_over.items():
            self.passed_over[ending] = self.passed_over.get(ending, 0) + number
        self.unread_sidecars = (self.unread_sidecars + other.unread_sidecars)[:MAX_LISTED]
        for times, other_times in ((self.seconds, other.seconds), (self.wait_seconds, other.wait_seconds)):
            for stage, seconds in other_times.items():
                _add(times, stage, seconds)
        self.total_seconds += other.total_seconds

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-compatible values; seconds are rounded to milliseconds."""
        stage, share = self.bottleneck or (None, 0.0)
        return {outcome: getattr(self, outcome) for outcome in OUTCOMES} | {
            "dry_run": self.is_dry_run,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()}
            | {"total": round(self.total_seconds, 3)},
            "bottleneck": {"stage": stage, "share": round(share, 3)} if stage else None,
            "failures": [failure._asdict() for failure in self.failures],
            "unread_sidecars": [failure._asdict() for failure in self.unread_sidecars],
            "unreadable_folders": self.unreadable_folders,
            "passed_over": self.passed_over,
            "missing_folders": [folder._asdict() for folder in self.missing_folders],
            "reencoded": self.reencoded,
            "approximate": self.approximate,
            "not_reencoded": [failure._asdict() for failure in self.not_reencoded],
            "index_choice": None if self.index_choice is None else asdict(self.index_choice.measurements[0]),
        }


def _add(times: dict[Stage, float], stage: Stage, seconds: float) -> None:
    times[stage] = times.get(stage, 0.0) + seconds
