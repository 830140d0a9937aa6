"""Compares a source with the catalog: what is new, changed, moved, gone (pure: it reads and writes nothing)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from indexer.catalog.queries import KnownFile
from indexer.errors import FailureKind
from indexer.sources import FoundFile, UnreadableFolder

RETRIED = frozenset({FailureKind.TOO_LARGE, FailureKind.UNSUPPORTED, FailureKind.UNREADABLE, FailureKind.ENCODER})
"""Failures that a setting, a package or a permission can mend: tried on every run. Others wait for a new file."""


@dataclass(frozen=True, slots=True)
class Added:
    """A new file; `copy_of` is an item with the same content, whose embeddings and facts serve."""

    file: FoundFile
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A known file with new content or another sidecar, or one that failed and is tried again."""

    file: FoundFile
    item_id: int
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """A known file with a new time and the old content."""

    file: FoundFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A known item under a new path."""

    file: FoundFile
    item_id: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A known item whose file is gone."""

    item_id: int


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A known file as it was; `failed` says that it could not be indexed and is not tried again."""

    failed: bool


Step = Added | Changed | Touched | Moved | Removed | Unchanged


@dataclass(slots=True)
class Planner:
    """Turns two sorted listings into steps.

    Attributes:
        same_content: Gives the indexed items with a file's content, oldest first; called only for files that are new
            or whose size or time changed, and it may be slow.
        is_gone: Tells whether a known item's file has left its place.
    """

    same_content: Callable[[FoundFile], list[KnownFile]]
    is_gone: Callable[[KnownFile], bool]

    def steps(self, found: Iterable[FoundFile | UnreadableFolder], known: Iterable[KnownFile]) -> Iterator[Step]:
        """Yield what to do, moves before removals.

        Args:
            found: What the source holds, in the byte order of paths.
            known: What the catalog holds of the same place, in the same order.
        """
        moved: set[int] = set()
        replaced: set[int] = set()  # by a copy of another item: when a later step is done, their old content is lost
        gone: list[int] = []
        for file, item in _merge(found, known):
            if file is None:
                gone.append(item.id)  # type: ignore[union-attr]  # one of the two is always there
                continue
            steps = self._new(file, moved, replaced) if item is None else (self._known(file, item, replaced),)
            for step in steps:
                if isinstance(step, Moved):
                    moved.add(step.item_id)
                elif isinstance(step, Changed) and step.copy_of is not None:
                    replaced.add(step.item_id)
                yield step
        yield from (Removed(id_) for id_ in gone if id_ not in moved)

    def _new(self, file: FoundFile, moved: set[int], replaced: set[int]) -> tuple[Step, ...]:
        twins = [twin for twin in self.same_content(file) if twin.id not in replaced]
        for twin in twins:
            if twin.id not in moved and self.is_gone(twin):
                same_sidecar = twin.sidecar_mtime_ns == file.sidecar_mtime_ns
                return (Moved(file, twin.id),) if same_sidecar else (Moved(file, twin.id), Changed(file, twin.id))
        return (Added(file, _copied(file, twins)),)

    def _known(self, file: FoundFile, item: KnownFile, replaced: set[int]) -> Step:
        same_facts = (file.size, file.mtime_ns) == (item.size, item.mtime_ns)
        if item.failure is not None:
            return Changed(file, item.id) if not same_facts or item.failure in RETRIED else Unchanged(failed=True)
        if file.sidecar_mtime_ns != item.sidecar_mtime_ns:
            return Changed(file, item.id)
        if same_facts:
            return Unchanged(failed=False)
        twins = self.same_content(file)
        if any(twin.id == item.id for twin in twins):
            return Touched(file, item.id)
        return Changed(file, item.id, _copied(file, [twin for twin in twins if twin.id not in replaced]))


def _copied(file: FoundFile, twins: Iterable[KnownFile]) -> int | None:
    """Return the first item that a file is a copy of in all that it says: what a sidecar says is no part of a copy."""
    if file.sidecar_mtime_ns is not None:
        return None
    return next((twin.id for twin in twins if twin.sidecar_mtime_ns is None), None)


def _merge(
    found: Iterable[FoundFile | UnreadableFolder], known: Iterable[KnownFile]
) -> Iterator[tuple[FoundFile | None, KnownFile | None]]:
    """Yield files and items side by side; items below a folder that could not be read are passed over."""
    items = iter(known)
    item = next(items, None)
    for file in found:
        folder = isinstance(file, UnreadableFolder)
        key = os.fsencode(file.path + os.sep if folder else file.path)  # a folder sorts with its separator
        while item is not None and os.fsencode(item.path) < key:
            yield None, item
            item = next(items, None)
        if isinstance(file, UnreadableFolder):
            while item is not None and os.fsencode(item.path).startswith(key):
                item = next(items, None)
        elif item is not None and item.path == file.path:
            yield file, item
            item = next(items, None)
        else:
            yield file, None
    while item is not None:
        yield None, item
        item = next(items, None)
