"""Removes items whose files were not found, after all sources were compared with the catalog."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from sqlalchemy import Connection

from indexer.catalog.statements import sync_state, writes
from indexer.errors import NoPhotosError
from indexer.storage import item_files
from indexer.store import Store
from indexer.sync.missing_folders import FolderReasons
from indexer.sync.report import MissingFolder, SyncReport
from indexer.sync.scan_rules import Rules
from indexer.sync.spool import Spool
from indexer.sync.steps import Removed

_COMMIT_SIZE = 1000
"""Items that are removed in one transaction."""


@dataclass(slots=True)
class SourceRemovals:
    """The removals of one source.

    Attributes:
        root: The folder, file or table that was compared.
        spool: Its removals.
        folders: Folders whose items are kept.
        rules: What the walk excluded; excluded items are removed in any case.
        base: Folder that the patterns of the rules are relative to.
        is_empty: Whether nothing was found in the root.
    """

    root: str
    spool: Spool
    folders: FolderReasons = field(default_factory=lambda: FolderReasons({}))
    rules: Rules = field(default_factory=Rules)
    base: str = ""
    is_empty: bool = False

    def keeps(self, path: str) -> bool:
        """Return whether an item in one of the folders is kept: its file is missing, and not only excluded."""
        if self.rules.excludes_path(path, self.base or self.root):
            return False
        return item_files.is_missing(path)

    def folder_of(self, path: bytes) -> bytes | None:
        """Return the missing folder for which an item is kept; None if it is to be removed."""
        if self.is_empty:
            return os.fsencode(self.root)
        folder = self.folders.folder_of(path)
        return folder if folder is not None and self.keeps(os.fsdecode(path)) else None


class Removals:
    """The removals of a run; a context manager that closes their files.

    A file that is missing in one source may have moved to a source that is compared later. So items are removed after
    all sources, unless their path has changed by then.

    Attributes:
        errors: One for each source that is empty as a whole; its items are kept.
        is_dry_run: Whether the removals are only counted.
        moved_ids: Items that would have another path, in a dry run.
    """

    def __init__(self, store: Store, *, forget_missing: bool, is_dry_run: bool = False) -> None:
        """Begin without removals.

        Args:
            store: The library; its write lock must be held, except for a dry run.
            forget_missing: Whether to remove the items of folders that have lost all of their files, too.
            is_dry_run: Whether to count the removals without removing anything.
        """
        self.is_dry_run = is_dry_run
        self.moved_ids: set[int] = set()
        self._store = store
        self._forget_missing = forget_missing
        self._sources: list[SourceRemovals] = []
        self.errors: list[NoPhotosError] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._sources:
            source.spool.close()

    def add(self, source: SourceRemovals) -> None:
        """Add the removals of a source that was read to its end."""
        self._sources.append(source)

    def apply(self, report: SyncReport) -> int:
        """Remove the items that are not kept, add their number to a report and return it; works once."""
        before = report.removed
        while self._sources:
            source = self._sources[0]
            counts = self._apply(source, report)
            if source.is_empty and counts:
                self.errors.append(_empty_error(source, sum(counts.values())))
            else:
                report.missing_folders += [
                    MissingFolder(os.fsdecode(folder.rstrip(b"/")) or os.sep, count, source.folders.reason(folder))
                    for folder, count in counts.items()
                ]
            source.spool.close()
            del self._sources[0]
        return report.removed - before

    def _apply(self, source: SourceRemovals, report: SyncReport) -> dict[bytes, int]:
        """Remove the items of a source, and return how many are kept in each missing folder."""
        counts: dict[bytes, int] = {}
        steps = (step for step in source.spool if isinstance(step, Removed))
        while batch := list(islice(steps, _COMMIT_SIZE)):
            with self._store.reading() if self.is_dry_run else self._store.transaction() as connection:
                removed = []
                for step in _at_their_path(connection, batch):
                    if step.item_id in self.moved_ids:
                        continue
                    folder = None if self._forget_missing else source.folder_of(step.path)
                    if folder is None:
                        removed.append(step.item_id)
                    else:
                        counts[folder] = counts.get(folder, 0) + 1
                if not self.is_dry_run:
                    writes.delete_items(connection, removed)
                report.count("removed", len(removed))
            self._store.let_others_write()
        return counts


def _at_their_path(connection: Connection, steps: list[Removed]) -> Iterator[Removed]:
    """Yield the removals whose item still has the path at which its file was not found."""
    paths = sync_state.paths_by_id(connection, [step.item_id for step in steps])
    return (step for step in steps if step.item_id in paths and os.fsencode(paths[step.item_id]) == step.path)


def _empty_error(source: SourceRemovals, item_count: int) -> NoPhotosError:
    exclude = source.rules.exclude
    excluded = f", apart from what is excluded ({', '.join(exclude)})" if exclude else ""
    return NoPhotosError(
        f"{source.root} contains no photos or texts now{excluded}, but the library has {item_count} from it; nothing "
        f"was removed. Check that its disk is connected. If the files were deleted, run: recall forget {source.root}"
    )
