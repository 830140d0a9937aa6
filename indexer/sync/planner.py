"""Compares a source with the catalog: what is new, changed, moved, gone (pure: it reads and writes nothing)."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from indexer.catalog.statements.sync_state import FileRecord, FileStatRecord
from indexer.errors import FailureKind
from indexer.sync.scan_rules import SourceFile, UnreadableFile, UnreadableFolder, WalkEntry

RETRYABLE_FAILURES = frozenset(
    {FailureKind.TOO_LARGE, FailureKind.UNSUPPORTED, FailureKind.UNREADABLE, FailureKind.ENCODER}
)
"""Failures that a setting, a package or a permission can mend: tried on every run. Others wait for a new file."""


TOGETHER = 100
"""Files that are held against the contents of others together; no more are read before the first of them is shown."""


@dataclass(frozen=True, slots=True)
class Added:
    """A new file; `copy_of` is an item with the same content, whose embeddings and facts serve."""

    file: SourceFile
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A known file with new content or another sidecar, or one that failed and is tried again."""

    file: SourceFile
    item_id: int
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """A known file with a new time and the old content."""

    file: SourceFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A known item under a new path."""

    file: SourceFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A known item whose file is gone."""

    item_id: int


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Known files as they were; `failed` says that they could not be indexed and are not tried again."""

    failed: bool
    number: int = 1


Step = Added | Changed | Touched | Moved | Removed | Unchanged


Pair = tuple[SourceFile, FileRecord | None]
"""A file that is new or not as it was, and what is known of it."""


@dataclass(slots=True)
class Planner:
    """Turns two sorted listings into steps.

    Attributes:
        same_content: Gives the indexed items with the content of each of some files, by id, always the same for one
            content; called only for files that are new or whose size or time changed, and it may be slow.
        is_gone: Tells whether a known item's file has left its place.
    """

    same_content: Callable[[Sequence[SourceFile]], Sequence[list[FileRecord]]]
    is_gone: Callable[[FileRecord], bool]

    def steps(self, found: Iterable[WalkEntry], known: Iterable[FileStatRecord]) -> Iterator[Step]:
        """Yield what to do, moves before removals.

        Args:
            found: What the source holds, in the byte order of paths.
            known: What the catalog holds of the same place, in the same order.
        """
        copies = _Copies(self.is_gone)
        gone: list[int] = []
        waiting: list[Pair] = []
        for each in _differences(found, known):
            if isinstance(each, Unchanged):
                yield each
            elif isinstance(each, Removed):
                gone.append(each.item_id)
            else:
                waiting.append(each)
                if len(waiting) == TOGETHER:
                    yield from self._decided(waiting, copies)
                    waiting = []
        yield from self._decided(waiting, copies)
        yield from (Removed(id_) for id_ in gone if id_ not in copies.moved)

    def _decided(self, pairs: Sequence[Pair], copies: _Copies) -> Iterator[Step]:
        """Yield what to do about files that are new or not as they were, in their order."""
        compared = [file for file, item in pairs if item is None or _may_be_touched(file, item)]
        same = dict(zip((file.path for file in compared), self.same_content(compared) if compared else (), strict=True))
        for file, item in pairs:
            twins = same.get(file.path, [])
            yield from copies.plan_new(file, twins) if item is None else (copies.plan_known(file, item, twins),)


MANY = 8
"""Items of one content from which it is remembered how far they were looked through."""


@dataclass(slots=True)
class _Looked:
    """How far a run has looked through the items of one content: what serves no more never will again."""

    moves: int = 0
    copies: int = 0


@dataclass(slots=True)
class _Copies:
    """Which known items a run may still take for the originals of files with the same content.

    Attributes:
        moved: Items that got another path.
        replaced: Items that are to become copies of another: when a later step is done, their old content is lost.
    """

    is_gone: Callable[[FileRecord], bool]
    moved: set[int] = field(default_factory=set)
    replaced: set[int] = field(default_factory=set)
    looked: dict[int, _Looked] = field(default_factory=dict)  # by the first of the items

    def plan_new(self, file: SourceFile, twins: Sequence[FileRecord]) -> tuple[Step, ...]:
        """Return what to do about a new file, where some items have its content."""
        twin = self._next_missing(twins)
        if twin is None:
            return (Added(file, self._copy_source(file, twins)),)
        self.moved.add(twin.id)
        same_sidecar = twin.sidecar_mtime_ns == file.sidecar_mtime_ns
        return (Moved(file, twin.id),) if same_sidecar else (Moved(file, twin.id), Changed(file, twin.id))

    def plan_known(self, file: SourceFile, item: FileRecord, twins: Sequence[FileRecord]) -> Step:
        """Return what to do about a known file that is not as it was, where some items have its content."""
        if item.failure is not None:
            again = not _has_facts(file, item) or item.failure in RETRYABLE_FAILURES
            return Changed(file, item.id) if again else Unchanged(failed=True)
        if not _may_be_touched(file, item):
            return Changed(file, item.id)
        place = bisect_left(twins, item.id, key=attrgetter("id"))
        if place < len(twins) and twins[place].id == item.id:
            return Touched(file, item.id)
        original = self._copy_source(file, twins)
        if original is not None:
            self.replaced.add(item.id)
        return Changed(file, item.id, original)

    def _of(self, twins: Sequence[FileRecord]) -> _Looked:
        looked = self.looked.get(twins[0].id) or _Looked()
        if len(twins) >= MANY:
            self.looked[twins[0].id] = looked
        return looked

    def _next_missing(self, twins: Sequence[FileRecord]) -> FileRecord | None:
        """Return the next item whose file has left its place."""
        if not twins:
            return None
        looked = self._of(twins)
        while looked.moves < len(twins):
            twin = twins[looked.moves]
            looked.moves += 1
            if twin.id not in self.moved and twin.id not in self.replaced and self.is_gone(twin):
                return twin
        return None

    def _copy_source(self, file: SourceFile, twins: Sequence[FileRecord]) -> int | None:
        """Return the first item that a file is a copy of in all that it says; a sidecar's words are no part of it."""
        if file.sidecar_mtime_ns is not None or not twins:
            return None
        looked = self._of(twins)
        while looked.copies < len(twins):
            twin = twins[looked.copies]
            if twin.sidecar_mtime_ns is None and twin.id not in self.replaced:
                return twin.id
            looked.copies += 1
        return None


def _has_facts(file: SourceFile, item: FileRecord) -> bool:
    return (file.size, file.mtime_ns) == (item.size, item.mtime_ns)


def _may_be_touched(file: SourceFile, item: FileRecord) -> bool:
    """Return whether a file that is not as it was may have its old content: only reading it tells."""
    return item.failure is None and file.sidecar_mtime_ns == item.sidecar_mtime_ns


_END: FileStatRecord = (b"\xff", 0, 0, None, None, 0)
"""Behind all paths: these are absolute, and none begins with such a byte."""


def _differences(  # noqa: C901, PLR0912 - one loop over two listings, which is run a million times
    found: Iterable[WalkEntry], known: Iterable[FileStatRecord]
) -> Iterator[Unchanged | Removed | Pair]:
    """Yield what differs between files and items, and how many do not; below an unreadable folder nothing does."""
    items = iter(known)
    item = next(items, _END)
    for listing in found:
        if isinstance(listing, UnreadableFile):
            alone = os.fsencode(listing.path)
            while item[0] < alone:
                yield Removed(item[5])
                item = next(items, _END)
            item = next(items, _END) if item[0] == alone else item
            continue
        if isinstance(listing, UnreadableFolder):
            inside = os.fsencode(os.path.join(listing.path, ""))  # a folder sorts with its separator
            while item[0] < inside:
                yield Removed(item[5])
                item = next(items, _END)
            while item[0].startswith(inside):
                item = next(items, _END)
            continue
        unchanged = 0
        for glance in listing.files:
            path = glance[0]
            while item[0] < path:
                yield Removed(item[5])
                item = next(items, _END)
            if item[0] != path:
                yield listing.file(glance), None
                continue
            if item[:4] == glance and item[4] is None:
                unchanged += 1
            else:
                yield listing.file(glance), _known_file(item)
            item = next(items, _END)
        if unchanged:
            yield Unchanged(failed=False, number=unchanged)
    while item is not _END:
        yield Removed(item[5])
        item = next(items, _END)


def _known_file(item: FileStatRecord) -> FileRecord:
    path, size, mtime_ns, sidecar_mtime_ns, failure, id_ = item
    return FileRecord(id_, os.fsdecode(path), size, mtime_ns, failure, sidecar_mtime_ns)
