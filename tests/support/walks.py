"""Walks and plans file by file, for tests that do not care about listings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from indexer.catalog.statements.sync_state import FileRecord, FileStatRecord
from indexer.sync import walker
from indexer.sync.mounts import Mount
from indexer.sync.planner import Planner
from indexer.sync.scan_rules import Rules
from indexer.sync.steps import Step, Unchanged
from indexer.sync.walk_entries import BrokenLink, Listing, SourceFile, UnreadableFile, UnreadableFolder, WalkEntry

VisitedPath = SourceFile | UnreadableFolder | UnreadableFile | BrokenLink


def walk(root: str, rules: Rules, **options: object) -> list[VisitedPath]:
    """Return the entries of a walk, with one entry per file."""
    visited: list[VisitedPath] = []
    for entry in walker.walk(root, rules, **options):  # type: ignore[arg-type]
        if isinstance(entry, Mount):
            continue  # where the folder for temporary files is on a disk of its own
        visited += [entry.source_file(file) for file in entry.files] if isinstance(entry, Listing) else [entry]
    return visited


def listings(visited: Iterable[VisitedPath]) -> Iterator[WalkEntry]:
    """Yield the entries with each file as a listing."""
    for entry in visited:
        if not isinstance(entry, SourceFile):
            yield entry
        else:
            path = os.fsencode(entry.path)
            sidecars = {path: entry.sidecars} if entry.sidecars else {}
            sidecar = entry.sidecar_mtime_ns, entry.sidecar_size, entry.sidecar_ctime_ns
            yield Listing([(path, entry.size, entry.mtime_ns, entry.ctime_ns, *sidecar)], sidecars)


def steps(
    visited: Iterable[VisitedPath],
    records: Iterable[FileRecord],
    *,
    find_copies: Callable[[SourceFile], list[FileRecord]],
    is_missing: Callable[[FileRecord], bool],
) -> Iterator[Step]:
    """Yield a planner's steps, with one step per unchanged file."""

    def find_all(files: Sequence[SourceFile]) -> list[list[FileRecord]]:
        return [find_copies(file) for file in files]

    for step in Planner(find_all, is_missing).steps(listings(visited), map(_stat_record, records)):
        if isinstance(step, Unchanged):
            yield from [Unchanged(step.failed)] * step.count
        else:
            yield step


def _stat_record(record: FileRecord) -> FileStatRecord:
    sidecar = record.sidecar_mtime_ns, record.sidecar_size, record.sidecar_ctime_ns
    times = record.mtime_ns, record.ctime_ns
    rest = record.failure, record.id, record.sidecar_hash
    return os.fsencode(record.path), record.size, *times, *sidecar, *rest


def make_files(root: Path, *names: str) -> None:
    """Write files whose content is their name; a walk does not read files."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def walked_paths(root: Path, rules: Rules | None = None, *, base: Path | None = None) -> list[str]:
    """Return the paths that a walk yields, relative to the root."""
    visited = walk(str(root), rules or Rules(), base=str(base) if base else None)
    return [os.path.relpath(entry.path, root) for entry in visited]


def walked_sidecars(root: Path) -> dict[str, list[str]]:
    """Return the names of the sidecars of each photo that has any."""
    files = [entry for entry in walk(str(root), Rules()) if isinstance(entry, SourceFile)]
    return {Path(file.path).name: [Path(path).name for path in file.sidecars] for file in files if file.sidecars}
