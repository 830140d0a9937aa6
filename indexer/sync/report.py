"""What a run did: counts, failures, seconds per stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:  # a command's help imports this module and needs no database library
    from indexer.catalog.statements.counts import Failure
    from indexer.vectors.measurements import IndexChoice

Outcome = Literal["added", "changed", "moved", "removed", "unchanged", "failed"]
OUTCOMES = get_args(Outcome)
Stage = Literal["scan", "load", "decode", "encode", "write", "index"]

ENOUGH = 1.0
"""Seconds of encoding from which on a run is said to have a bottleneck: below, starting up decides."""

MAX_LISTED = 100
"""Failures that a report names; the catalog keeps all of them."""


@dataclass(slots=True)
class SyncReport:
    """What one sync did.

    The six counts add up to the files that were found, and those removed. `failed` counts every file of the source
    that is not indexed, also those that failed in an earlier run and have not changed since.

    Attributes:
        added: New photos, copies of known ones included.
        changed: Known photos with new content.
        moved: Photos whose file has a new path; nothing was encoded again.
        removed: Photos whose file is gone.
        unchanged: Photos that are as they were.
        failed: Files that could not be indexed.
        unreadable_folders: Folders, and single files, that could not be looked at; what was known of them is kept.
        failures: The first failures by path, at most `MAX_LISTED`.
        reencoded: Photos and pieces of text with a mapped embedding, or with none after an import, that got one of the
            library's encoder.
        approximate: Embeddings that are still mapped from the former encoder's.
        not_reencoded: The first of those and why they are, at most `MAX_LISTED`.
        index_choice: The index that was chosen at the end, None where that was not due.
        seconds: Seconds per stage. "decode" is the sum over the decoder processes. Decoding and writing run in
            parallel with the other stages, so the sum may exceed `total_seconds`.
        wait_seconds: Seconds per stage during which the run did nothing else: all of a stage that runs in the caller's
            thread, and the time spent waiting for decoding and writing. The sum is close to `total_seconds`.
        total_seconds: Seconds from beginning to end.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: int = 0
    unreadable_folders: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    reencoded: int = 0
    approximate: int = 0
    not_reencoded: list[Failure] = field(default_factory=list)
    index_choice: IndexChoice | None = None
    seconds: dict[Stage, float] = field(default_factory=dict)
    wait_seconds: dict[Stage, float] = field(default_factory=dict)
    total_seconds: float = 0.0

    @property
    def bottleneck(self) -> tuple[Stage, float] | None:
        """The stage that the run spent most of its time on or waiting for, and its share of the whole, 0 to 1.

        None where less than `ENOUGH` was encoded. Where decoders and encoder share the processors, each is slower for
        the other: then "encode" includes what the decoders took from it.
        """
        if self.seconds.get("encode", 0.0) < ENOUGH or not self.total_seconds:
            return None
        stage = max(self.wait_seconds, key=lambda name: self.wait_seconds[name])
        return stage, self.wait_seconds[stage] / self.total_seconds

    @property
    def summary(self) -> str:
        """The counts that are not 0, and how many were added, in words for people."""
        counts = {name: getattr(self, name) for name in OUTCOMES}
        return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number or name == "added")

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Add to one of the counts."""
        setattr(self, outcome, getattr(self, outcome) + number)

    @contextmanager
    def timing(self, stage: Stage, *, in_background: bool = False) -> Iterator[None]:
        """Add the time spent inside to a stage.

        Args:
            stage: What is done.
            in_background: It is done in another thread, while the run goes on.
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
        """Note that the run waits for a stage that is done beside it."""
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
        self.failures = (self.failures + other.failures)[:MAX_LISTED]
        for mine, theirs in ((self.seconds, other.seconds), (self.wait_seconds, other.wait_seconds)):
            for stage, seconds in theirs.items():
                _add(mine, stage, seconds)
        self.total_seconds += other.total_seconds

    def to_dict(self) -> dict[str, object]:
        """Return the report as values that json can write; seconds are rounded to milliseconds."""
        stage, share = self.bottleneck or (None, 0.0)
        return {outcome: getattr(self, outcome) for outcome in OUTCOMES} | {
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()}
            | {"total": round(self.total_seconds, 3)},
            "bottleneck": {"stage": stage, "share": round(share, 3)} if stage else None,
            "failures": [failure._asdict() for failure in self.failures],
            "unreadable_folders": self.unreadable_folders,
            "reencoded": self.reencoded,
            "approximate": self.approximate,
            "not_reencoded": [failure._asdict() for failure in self.not_reencoded],
            "index_choice": None if self.index_choice is None else asdict(self.index_choice.measurements[0]),
        }


def _add(times: dict[Stage, float], stage: Stage, seconds: float) -> None:
    times[stage] = times.get(stage, 0.0) + seconds
