"""Walks and plans file by file, for tests that do not care about listings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from indexer.catalog.statements.sync_state import FileRecord, StatRecord, sidecar_stamp
from indexer.sync import walker
from indexer.sync.mounts import Mount
from indexer.sync.planner import Planner
from indexer.sync.scan_rules import Rules
from indexer.sync.steps import Step, Unchanged
from indexer.sync.walk_entries import (
    BrokenLink,
    Listing,
    SourceFile,
    UnreadableFile,
    UnreadableFolder,
    UnusableKey,
    WalkEntry,
)

VisitedPath = SourceFile | UnreadableFolder | UnreadableFile | BrokenLink | UnusableKey


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
            sidecar = entry.sidecar_mtime_ns, entry.sidecar_size, entry.sidecar_ctime_ns
            file = path, entry.size, entry.mtime_ns, entry.ctime_ns, sidecar_stamp(*sidecar)
            yield Listing([file], {path: (entry.sidecars, sidecar)})


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

    items = list(records)
    by_path = {item.path: item for item in items}
    planner = Planner(lambda paths: {path: by_path[path] for path in paths}, find_all, is_missing)
    for step in planner.steps(listings(visited), [[_stat_record(item)] for item in items]):
        if isinstance(step, Unchanged):
            yield from [Unchanged(step.failed)] * step.count
        else:
            yield step


def _stat_record(item: FileRecord) -> StatRecord:
    sidecar = sidecar_stamp(item.sidecar_mtime_ns, item.sidecar_size, item.sidecar_ctime_ns)
    size = item.size if item.failure is None and not item.is_outdated else None
    return os.fsencode(item.path), size, item.mtime_ns, item.ctime_ns, sidecar


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
