"""Compares a source with the catalog and plans what to do; reads and writes nothing itself."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from indexer.catalog.statements.sync_state import OUTDATED, FileRecord, FileStatRecord
from indexer.errors import FailureKind
from indexer.sync.steps import Added, Changed, Moved, Removed, Reread, Step, Touched, Unchanged
from indexer.sync.walk_entries import SourceFile, UnreadableFile, UnreadableFolder, WalkEntry

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

FileChange = tuple[SourceFile, FileRecord | None]
"""A file that is new or changed, and its record in the catalog."""


@dataclass(slots=True)
class Planner:
    """Turns two sorted listings into steps.

    Attributes:
        find_copies: Returns, for each of some files, the indexed items with the same content, ordered by id. Called
            only for files that are new or whose size or time changed; it may be slow. For one content it always
            returns equal lists.
        is_missing: Returns whether an item's file no longer exists.
    """

    find_copies: Callable[[Sequence[SourceFile]], Sequence[list[FileRecord]]]
    is_missing: Callable[[FileRecord], bool]

    def steps(self, entries: Iterable[WalkEntry], records: Iterable[FileStatRecord]) -> Iterator[Step]:
        """Yield what to do, moves before removals.

        Args:
            entries: The source, in the byte order of paths.
            records: The catalog's records of the same source, in the same order.
        """
        tracker = _CopyTracker(self.is_missing)
        removed: list[int] = []
        changes: list[FileChange] = []
        for difference in _compare(entries, records):
            if isinstance(difference, Unchanged):
                yield difference
            elif isinstance(difference, Removed):
                removed.append(difference.item_id)
            else:
                changes.append(difference)
                if len(changes) == LOOKUP_SIZE:
                    yield from self._plan(changes, tracker)
                    changes = []
        yield from self._plan(changes, tracker)
        yield from (Removed(id_) for id_ in removed if id_ not in tracker.moved)

    def _plan(self, changes: Sequence[FileChange], tracker: _CopyTracker) -> Iterator[Step]:
        """Yield what to do about new and changed files, in their order."""
        files = [file for file, record in changes if record is None or _must_compare_content(file, record)]
        copies_by_path = dict(zip((file.path for file in files), self.find_copies(files) if files else (), strict=True))
        for file, record in changes:
            copies = copies_by_path.get(file.path, [])
            if record is None:
                yield from tracker.plan_new(file, copies)
            elif _is_only_outdated(file, record):
                yield Reread(file, record.id)
            else:
                yield tracker.plan_existing(file, record, copies)


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
        if original.sidecar_mtime_ns == file.sidecar_mtime_ns:
            return (Moved(file, original.id),)
        return Moved(file, original.id), Changed(file, original.id)

    def plan_existing(self, file: SourceFile, record: FileRecord, copies: Sequence[FileRecord]) -> Step:
        """Return what to do about a changed file.

        Args:
            file: The file.
            record: Its record in the catalog.
            copies: Items with the same content, possibly its own.
        """
        if record.failure is not None:
            is_retried = not _has_same_stat(file, record) or record.failure in RETRYABLE_FAILURES
            return Changed(file, record.id) if is_retried else Unchanged(failed=True)
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


def _has_same_stat(file: SourceFile, record: FileRecord) -> bool:
    return (file.size, file.mtime_ns) == (record.size, record.mtime_ns)


def _is_only_outdated(file: SourceFile, record: FileRecord) -> bool:
    return record.is_outdated and _has_same_stat(file, record) and _may_have_same_content(file, record)


def _must_compare_content(file: SourceFile, record: FileRecord) -> bool:
    return _may_have_same_content(file, record) and not _is_only_outdated(file, record)


def _may_have_same_content(file: SourceFile, record: FileRecord) -> bool:
    """Return whether a changed file may still have its old content, which only reading it shows."""
    return record.failure is None and file.sidecar_mtime_ns == record.sidecar_mtime_ns


_END: FileStatRecord = (b"\xff", 0, 0, None, None, 0)
"""Sorts after all paths: they are absolute, and none begins with this byte."""


def _compare(  # noqa: C901, PLR0912 - one loop over two listings, which runs a million times
    entries: Iterable[WalkEntry], records: Iterable[FileStatRecord]
) -> Iterator[Unchanged | Removed | FileChange]:
    """Yield the differences between files and records, and the number of equal ones; skip unreadable folders."""
    remaining = iter(records)
    record = next(remaining, _END)
    for entry in entries:
        if isinstance(entry, UnreadableFile):
            unreadable = os.fsencode(entry.path)
            while record[0] < unreadable:
                yield Removed(record[5])
                record = next(remaining, _END)
            record = next(remaining, _END) if record[0] == unreadable else record
            continue
        if isinstance(entry, UnreadableFolder):
            prefix = os.fsencode(os.path.join(entry.path, ""))  # folders sort with their separator
            while record[0] < prefix:
                yield Removed(record[5])
                record = next(remaining, _END)
            while record[0].startswith(prefix):
                record = next(remaining, _END)
            continue
        unchanged = 0
        for file in entry.files:
            path = file[0]
            while record[0] < path:
                yield Removed(record[5])
                record = next(remaining, _END)
            if record[0] != path:
                yield entry.source_file(file), None
                continue
            if record[:4] == file and record[4] is None:
                unchanged += 1
            else:
                yield entry.source_file(file), _file_record(record)
            record = next(remaining, _END)
        if unchanged:
            yield Unchanged(failed=False, count=unchanged)
    while record is not _END:
        yield Removed(record[5])
        record = next(remaining, _END)


def _file_record(record: FileStatRecord) -> FileRecord:
    path, size, mtime_ns, sidecar_mtime_ns, failure, id_ = record
    is_outdated = failure == OUTDATED
    failure = None if is_outdated else failure
    return FileRecord(id_, os.fsdecode(path), size, mtime_ns, failure, sidecar_mtime_ns, is_outdated=is_outdated)
