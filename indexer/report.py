"""What a run did: counts, failures, seconds per stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from indexer.catalog.queries import Failure

Outcome = Literal["added", "changed", "moved", "removed", "unchanged", "failed"]
OUTCOMES = get_args(Outcome)
Stage = Literal["scan", "load", "decode", "encode", "write", "index"]

LISTED = 100
"""Failures that a report names; the catalog keeps all of them."""


@dataclass(slots=True)
class Report:
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
        unreadable_folders: Folders that could not be listed; what was known in them is kept.
        failures: The first failures by path, at most `LISTED`.
        seconds: Seconds by stage; "decode" is summed over the decoder processes, which work beside the others.
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
    seconds: dict[Stage, float] = field(default_factory=dict)
    total_seconds: float = 0.0

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Add to one of the counts."""
        setattr(self, outcome, getattr(self, outcome) + number)

    @contextmanager
    def timing(self, stage: Stage) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def include(self, other: Report) -> None:
        """Add another report to this one."""
        for outcome in OUTCOMES:
            self.count(outcome, getattr(other, outcome))
        self.unreadable_folders += other.unreadable_folders
        self.failures = (self.failures + other.failures)[:LISTED]
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.total_seconds += other.total_seconds

    def to_dict(self) -> dict[str, object]:
        """Return the report as values that json can write; seconds are rounded to milliseconds."""
        return {outcome: getattr(self, outcome) for outcome in OUTCOMES} | {
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()}
            | {"total": round(self.total_seconds, 3)},
            "failures": [failure._asdict() for failure in self.failures],
            "unreadable_folders": self.unreadable_folders,
        }
