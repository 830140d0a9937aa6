"""What tests of walks and plans say in files and items, in the form in which walk and catalog hand it on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from indexer.catalog.statements.sync_state import FileRecord, FileStatRecord
from indexer.sync import walker as walking
from indexer.sync.planner import Planner, Step, Unchanged
from indexer.sync.scan_rules import Rules
from indexer.sync.walk_entries import Listing, SourceFile, UnreadableFile, UnreadableFolder, WalkEntry

Met = SourceFile | UnreadableFolder | UnreadableFile


def walk(root: str, rules: Rules, **others: object) -> list[Met]:
    """Return what a walk meets, file by file."""
    found: list[Met] = []
    for each in walking.walk(root, rules, **others):  # type: ignore[arg-type]
        found += [each.source_file(glance) for glance in each.files] if isinstance(each, Listing) else [each]
    return found


def listings(files: Iterable[Met]) -> Iterator[WalkEntry]:
    """Yield each file as a listing of its own."""
    for file in files:
        if not isinstance(file, SourceFile):
            yield file
        else:
            path = os.fsencode(file.path)
            beside: Mapping[bytes, str] = {path: file.sidecar} if file.sidecar else {}
            yield Listing([(path, file.size, file.mtime_ns, file.sidecar_mtime_ns)], beside)


def steps(
    files: Iterable[Met],
    items: Iterable[FileRecord],
    *,
    same_content: Callable[[SourceFile], list[FileRecord]],
    is_gone: Callable[[FileRecord], bool],
) -> Iterator[Step]:
    """Yield a planner's steps, those of unchanged files one by one."""

    def of_each(found: Sequence[SourceFile]) -> list[list[FileRecord]]:
        return [same_content(file) for file in found]

    for step in Planner(of_each, is_gone).steps(listings(files), map(_glance, items)):
        if isinstance(step, Unchanged):
            yield from [Unchanged(step.failed)] * step.count
        else:
            yield step


def _glance(item: FileRecord) -> FileStatRecord:
    return os.fsencode(item.path), item.size, item.mtime_ns, item.sidecar_mtime_ns, item.failure, item.id
