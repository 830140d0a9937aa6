"""Plans what to do about the differences between a source and the catalog; reads only new and changed sidecars."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from indexer.catalog.statements.sync_state import FileRecord, StatRecord
from indexer.errors import FailureKind
from indexer.sync.comparison import Difference, compare
from indexer.sync.file_changes import (
    has_same_sidecar,
    has_same_stat,
    has_same_version,
    has_unknown_times,
    is_unchanged,
    keeps_sidecar,
)
from indexer.sync.missing_folders import MissingFolders
from indexer.sync.object_walker import with_versions
from indexer.sync.sidecars import sidecar_hash
from indexer.sync.steps import Added, Changed, Inaccessible, Moved, Removed, Reread, Step, Touched, Unchanged
from indexer.sync.walk_entries import SourceFile, WalkEntry

RETRYABLE_FAILURES = frozenset(
    {
        FailureKind.TOO_LARGE,
        FailureKind.UNSUPPORTED,
        FailureKind.UNREADABLE,
        FailureKind.CRASHED,
        FailureKind.TIMED_OUT,
        FailureKind.ENCODER,
    }
)
"""Failures whose cause may be outside the file, such as a limit, a package, a permission or a busy machine: retried in
every run. The others wait for a new file."""

LOOKUP_SIZE = 100
"""Files whose content is looked up together; more are read only after the first step for them was yielded."""

MANY_COPIES = 8
"""Items with the same content from which on the search position among them is remembered."""


@dataclass(slots=True)
class Planner:
    """Turns two sorted listings into steps.

    Attributes:
        find_records: Returns the records at some paths, by path. Called only for differences from the catalog.
        find_copies: Returns, for each of some files, the indexed items with the same content, ordered by id. Called
            only for files that are new or whose size or time changed; it may be slow. For one content it always
            returns equal lists.
        is_missing: Returns whether an item's file no longer exists.
        folders: Collects the folders that have lost all of their files, None to not look for them.
    """

    find_records: Callable[[Sequence[str]], Mapping[str, FileRecord]]
    find_copies: Callable[[Sequence[SourceFile]], Sequence[list[FileRecord]]]
    is_missing: Callable[[FileRecord], bool]
    folders: MissingFolders | None = None

    def steps(self, entries: Iterable[WalkEntry], pages: Iterable[Sequence[StatRecord]]) -> Iterator[Step]:
        """Yield what to do. Removals are to be done last: an item's file may be found elsewhere.

        Args:
            entries: The source, in the byte order of paths.
            pages: The catalog's records of the same source, in the same order.
        """
        tracker = _CopyTracker(self.is_missing)
        differences: list[Difference] = []
        for difference in compare(entries, pages, self.folders):
            if isinstance(difference, Unchanged):
                yield difference
            else:
                differences.append(difference)
                if len(differences) == LOOKUP_SIZE:
                    yield from self._plan(differences, tracker)
                    differences = []
        yield from self._plan(differences, tracker)

    def _plan(self, differences: Sequence[Difference], tracker: _CopyTracker) -> Iterator[Step]:
        """Yield what to do about differences, in their order."""
        differences = with_versions(differences)
        paths = [difference.path for difference in differences if not difference.is_new]
        records = self.find_records(paths) if paths else {}
        changes: list[tuple[SourceFile, FileRecord | None]] = []
        for path, file, _, broken_link in differences:
            record = records.get(path)
            if file is None:
                if record is not None:
                    yield Removed(record.id, os.fsencode(path))
            elif record is not None and broken_link is not None and record.failure is None:
                yield Inaccessible(path, broken_link)
            elif record is not None and is_unchanged(file, record):
                yield self._unchanged(file, record)
            else:
                changes.append((_with_sidecar_hash(file, record), record))
        yield from self._plan_changes(changes, tracker)

    def _plan_changes(
        self, changes: Sequence[tuple[SourceFile, FileRecord | None]], tracker: _CopyTracker
    ) -> Iterator[Step]:
        """Yield what to do about new and changed files, in their order."""
        files = [file for file, record in changes if record is None or _must_compare_content(file, record)]
        copies_by_path = dict(zip((file.path for file in files), self.find_copies(files) if files else (), strict=True))
        for file, record in changes:
            copies = copies_by_path.get(file.path, [])
            if record is None:
                yield from tracker.plan_new(file, copies)
                continue
            step = tracker.plan_existing(file, record, copies)
            if self.folders and isinstance(step, Touched | Reread):
                self.folders.add_unchanged(os.fsencode(file.path), record.id)
            yield step

    def _unchanged(self, file: SourceFile, record: FileRecord) -> Unchanged:
        """Note an unchanged file that the comparison could not pass over, and return its step."""
        if self.folders:
            self.folders.add_unchanged(os.fsencode(file.path), record.id)
        return Unchanged(failed=False)


@dataclass(slots=True)
class _Positions:
    """How far the items with one content have been searched; items before these positions cannot be used any more."""

    moves: int = 0
    copies: int = 0


@dataclass(slots=True)
class _CopyTracker:
    """Which items a run can still use as the original of a file with the same content.

    Attributes:
        is_missing: As in `Planner`.
        moved: Items that get another path in this run.
        replaced: Items that become copies of another; their old content is lost when a later step is done.
        positions: Search positions, by the id of the first item with the content.
    """

    is_missing: Callable[[FileRecord], bool]
    moved: set[int] = field(default_factory=set)
    replaced: set[int] = field(default_factory=set)
    positions: dict[int, _Positions] = field(default_factory=dict)

    def plan_new(self, file: SourceFile, copies: Sequence[FileRecord]) -> tuple[Step, ...]:
        """Return what to do about a new file.

        Args:
            file: The file.
            copies: Items with the same content.
        """
        original = self._next_missing(copies)
        if original is None:
            return (Added(file, self._copy_source(file, copies)),)
        self.moved.add(original.id)
        if keeps_sidecar(file, original):
            return (Moved(file, original.id),)
        return Moved(file, original.id, has_other_sidecar=True), Changed(file, original.id)

    def plan_existing(self, file: SourceFile, record: FileRecord, copies: Sequence[FileRecord]) -> Step:
        """Return what to do about a changed file.

        Args:
            file: The file.
            record: Its record in the catalog.
            copies: Items with the same content, possibly its own.
        """
        if record.failure is not None:
            is_retried = not has_same_stat(file, record) or record.failure in RETRYABLE_FAILURES
            return Changed(file, record.id) if is_retried else Unchanged(failed=True)
        if _is_only_outdated(file, record):
            return Reread(file, record.id)
        is_same_version = _may_have_same_content(file, record) and has_same_version(file, record)
        if is_same_version or has_unknown_times(file, record):
            return Touched(file, record.id)
        if not _may_have_same_content(file, record):
            return Changed(file, record.id)
        position = bisect_left(copies, record.id, key=attrgetter("id"))
        if position < len(copies) and copies[position].id == record.id:
            return Touched(file, record.id)
        original = self._copy_source(file, copies)
        if original is not None:
            self.replaced.add(record.id)
        return Changed(file, record.id, original)

    def _positions_in(self, copies: Sequence[FileRecord]) -> _Positions:
        positions = self.positions.get(copies[0].id) or _Positions()
        if len(copies) >= MANY_COPIES:
            self.positions[copies[0].id] = positions
        return positions

    def _next_missing(self, copies: Sequence[FileRecord]) -> FileRecord | None:
        """Return the next item whose file no longer exists, None if there is none."""
        if not copies:
            return None
        positions = self._positions_in(copies)
        while positions.moves < len(copies):
            item = copies[positions.moves]
            positions.moves += 1
            if item.id not in self.moved and item.id not in self.replaced and self.is_missing(item):
                return item
        return None

    def _copy_source(self, file: SourceFile, copies: Sequence[FileRecord]) -> int | None:
        """Return the first item whose embeddings and metadata fit a file; None if the file has a sidecar."""
        if file.sidecar_mtime_ns is not None or not copies:
            return None
        positions = self._positions_in(copies)
        while positions.copies < len(copies):
            item = copies[positions.copies]
            if item.sidecar_mtime_ns is None and item.id not in self.replaced:
                return item.id
            positions.copies += 1
        return None


def _is_only_outdated(file: SourceFile, record: FileRecord) -> bool:
    return record.is_outdated and has_same_stat(file, record) and _may_have_same_content(file, record)


def _must_compare_content(file: SourceFile, record: FileRecord) -> bool:
    is_known = _is_only_outdated(file, record) or has_unknown_times(file, record) or has_same_version(file, record)
    return _may_have_same_content(file, record) and not is_known


def _may_have_same_content(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a changed file may still have its old content, which only reading it shows."""
    return record.failure is None and has_same_sidecar(file, record)


def _with_sidecar_hash(file: SourceFile, record: FileRecord | None) -> SourceFile:
    """Return a new or changed file with the hash of its sidecars, if it has any."""
    is_read = record is None or record.is_outdated or not has_unknown_times(file, record)
    return replace(file, sidecar_hash=sidecar_hash(file.sidecars)) if file.sidecars and is_read else file
