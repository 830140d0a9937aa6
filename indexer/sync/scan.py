"""Compares one source with the catalog: what a sync has to do about it, and what is stored about the source itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection

from indexer.catalog.statements import counts, sources, sync_state, table_rows
from indexer.catalog.statements.sources import Source
from indexer.documents.table import Columns, table_format
from indexer.errors import NoPhotosError
from indexer.storage import item_files, open_place
from indexer.storage.url import is_url
from indexer.store import Store
from indexer.sync.content_lookup import ContentLookup, is_missing
from indexer.sync.long_paths import without_long_paths
from indexer.sync.missing_folders import MissingFolders
from indexer.sync.mounts import Mount, as_stored, read_mounts
from indexer.sync.other_endings import OtherEndings
from indexer.sync.planner import Planner
from indexer.sync.removals import SourceRemovals
from indexer.sync.report import SyncReport
from indexer.sync.scan_rules import Rules, source_rules
from indexer.sync.source_errors import source_errors
from indexer.sync.source_walker import walk_source
from indexer.sync.spool import Spool
from indexer.sync.steps import Inaccessible, Removed, Step, Unchanged
from indexer.sync.table_rows import TableRow, read_table, row_steps
from indexer.sync.walk_entries import Listing, UnreadableFile, UnreadableFolder, UnusableKey, WalkEntry
from indexer.types import Progress, ProgressCallback, is_below

ScanEntry = TypeVar("ScanEntry", bound=TableRow | WalkEntry)


@dataclass(slots=True)
class Scan:
    """The scan of a source.

    Attributes:
        store: The library.
        root: The folder, file or table.
        is_named: Whether the caller named it; otherwise it may be empty if the library has no items of it.
        files: Files of the source, sorted, if only these are compared; the source itself then stays as it is.
        is_dry_run: Whether nothing is written.
        report: Counts, times and unreadable folders are added to it.
        progress: Called with the number of files found.
        spool: The steps, without removals.
        removals: The items whose files were not found.
        source: The source, None if nothing was found in it.
    """

    store: Store
    root: str
    is_named: bool
    report: SyncReport
    progress: ProgressCallback
    files: Sequence[str] = ()
    is_dry_run: bool = False
    spool: Spool = field(init=False)
    removals: SourceRemovals = field(init=False)
    source: Source | None = None
    file_count: int = 0
    mounts: list[Mount] = field(default_factory=list)
    absent_mounts: list[Mount] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.store.errors():
            folder = None if self.is_dry_run else self.store.path  # a dry run may be that of a reader
            self.spool = Spool(folder)
            self.removals = SourceRemovals(self.root, Spool(folder))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return self.removals.is_empty

    def run(self, rules: Rules | None, columns: Columns | None) -> None:
        """Compare the source with the catalog and spool the steps; save its rules, columns and mounts.

        Raises:
            SourceError: The source cannot be read; nothing was changed.
            NoPhotosError: The source is empty, the library has no items of it, and the caller named it.
        """
        try:
            if self.files:
                self._scan_some()
            elif table_format(self.root) and not is_url(self.root) and not os.path.isdir(self.root):
                self._scan_table(columns)
            else:
                self._scan_files(rules)
        except BaseException:
            self.removals.spool.close()  # a source that was not read to its end removes nothing
            raise

    def _scan_table(self, columns: Columns | None) -> None:
        with self.report.timing("scan"), self.store.reading() as connection:
            enclosing = sources.enclosing_source(connection, self.root)
            own = enclosing if enclosing and enclosing.root == self.root else None
            columns = columns or Columns(**((own and own.columns) or {}))
            steps = row_steps(
                self._with_progress(read_table(self.root, columns)),
                find_records=lambda paths: table_rows.rows_by_path(connection, paths),
                records=table_rows.row_records(connection, self.root),
            )
            for step in steps:
                self._record(step)
            self._check_empty(connection, Rules())
        self._save_source(own, enclosing, source_rules(own), columns.to_dict())

    def _scan_files(self, rules: Rules | None) -> None:
        with self.report.timing("scan"), self.store.reading() as connection:
            enclosing = sources.enclosing_source(connection, self.root)
            own = enclosing if enclosing and self._is_part_of(enclosing, rules) else None
            rules = source_rules(own) if rules is None else rules
            base = own.root if own else self.root
            others = {source.root for source in sources.sources_below(connection, self.root)}
            has_others = any(map(_is_there, others))
            earlier_mounts = read_mounts(enclosing.mounts if enclosing else None)
            folders = MissingFolders(self.root, earlier_mounts, has_photos=has_others)
            endings = OtherEndings()
            entries = self._stored(walk_source(self.root, rules, base=base, others=others, endings=endings))
            with closing(sync_state.stat_pages(connection, self.root, enclosing.id if enclosing else 0)) as pages:
                for step in self._planner(connection, folders).steps(self._with_progress(entries), pages):
                    self._record(step)
            self.report.passed_over = endings.passed_over()
            self.removals.folders, self.removals.rules, self.removals.base = folders.close(), rules, base
            if not has_others:
                self._check_empty(connection, rules)
            self._merge_mounts(connection, own, earlier_mounts, folders)
        self._save_source(own, enclosing, rules)

    def _scan_some(self) -> None:
        """Compare the files alone; a missing one stays in the library, because its disk may be away."""
        with self.report.timing("scan"), self.store.reading() as connection:
            self.source = sources.enclosing_source(connection, self.root)
            rules, id_ = source_rules(self.source), self.source.id if self.source else 0
            paths = sorted(filter(_is_file_there, self.files), key=os.fsencode)
            self.report.unreadable_folders += [f"{path}: it does not exist" for path in set(self.files) - set(paths)]
            walks = (walk_source(path, rules, base=self.root) for path in paths)
            pages = (page for path in paths for page in list(sync_state.stat_pages(connection, path, id_)))
            entries = self._with_progress(self._stored(chain.from_iterable(walks)))
            for step in self._planner(connection).steps(entries, pages):
                if not (isinstance(step, Removed) and is_url(self.root)):  # keys may begin with a file's and a slash
                    self._record(step)

    def _stored(self, entries: Iterator[WalkEntry]) -> Iterator[WalkEntry]:
        return without_long_paths(entries, self.store.database.longest_path)

    def _planner(self, connection: Connection, folders: MissingFolders | None = None) -> Planner:
        find_records = partial(sync_state.records_by_path, connection)
        return Planner(find_records, find_copies=ContentLookup(connection), is_missing=is_missing, folders=folders)

    def _merge_mounts(
        self, connection: Connection, own: Source | None, earlier: Iterable[Mount], folders: MissingFolders
    ) -> None:
        """Add to the mounts that the walk found those of absent disks, and those of the source outside the root."""
        if own and own.root != self.root:  # the disk of the root is that of the source, unless it is mounted there
            self.mounts = [
                mount for mount in self.mounts if mount.folder != self.root or mount.mount_point == self.root
            ]
        absent = {mount.folder: mount for mount in folders.absent_mounts if counts.has_items(connection, mount.folder)}
        self.absent_mounts = list(absent.values())
        self.mounts = [mount for mount in self.mounts if mount.folder not in absent]
        if own:
            self.absent_mounts += [
                mount for mount in earlier if mount.folder != self.root and not is_below(mount.folder, self.root)
            ]

    def stored_mounts(self, connection: Connection) -> dict[str, Any] | None:
        """Return the mounts of the source as the catalog stores them; those that are there have all items of now."""
        newest = counts.newest_item(connection)
        return as_stored([*self.absent_mounts, *(mount._replace(newest_item=newest) for mount in self.mounts)])

    def _is_part_of(self, source: Source, rules: Rules | None) -> bool:
        """Return whether the root is synced as a part of an enclosing source, not as a source of its own."""
        if source.root == self.root:
            return True
        return rules is None and not source_rules(source).excludes_path(self.root, source.root)

    def _with_progress(self, entries: Iterable[ScanEntry]) -> Iterator[ScanEntry]:
        for entry in entries:
            if isinstance(entry, Mount):
                self.mounts.append(entry)
                continue
            if isinstance(entry, UnusableKey):
                self.report.unreadable_folders.append(f"{entry.path}: {entry.reason}")
                continue
            if isinstance(entry, UnreadableFolder | UnreadableFile):
                self.report.unreadable_folders.append(f"{entry.path}: {entry.reason}")
            else:
                self.file_count += len(entry.files) if isinstance(entry, Listing) else 1
                self.progress(Progress("scanning", self.file_count))
            yield entry

    def _record(self, step: Step) -> None:
        if isinstance(step, Unchanged):
            self.report.count("failed" if step.failed else "unchanged", step.count)
        elif isinstance(step, Inaccessible):
            self.report.unreadable_folders.append(f"{step.path}: {step.reason}")
        elif isinstance(step, Removed):
            self.removals.spool.add(step)
        else:
            self.spool.add(step)

    def _check_empty(self, connection: Connection, rules: Rules) -> None:
        """Note whether nothing was found; if the library has items of the source, their removal says so.

        Raises:
            NoPhotosError: The library has no items of it, and the caller named it.
        """
        self.removals.is_empty = not self.file_count and not self.report.unreadable_folders
        if not self.is_empty or counts.has_items(connection, self.root) or not self.is_named:
            return  # not named: for instance a folder of new photos that were moved to the archive
        excluded = f", apart from what is excluded ({', '.join(rules.exclude)})" if rules.exclude else ""
        endings = ", ".join(ending or "none" for ending in self.report.passed_over)
        others = f" (files with other endings hold pictures: {endings})" if endings else ""
        raise NoPhotosError(
            f"{self.root} contains no photos or texts{excluded}{others}; expected a folder with pictures such as .jpg, "
            ".png or .heic or with .txt or .md files, or a table with rows"
        )

    def _save_source(
        self,
        own: Source | None,
        enclosing: Source | None,
        rules: Rules,
        columns: dict[str, Any] | None = None,
    ) -> None:
        if self.is_empty or self.is_dry_run:
            return
        exclude, hidden = list(rules.exclude), rules.include_hidden
        with self.store.transaction() as connection:
            if own is None:
                self.source = sources.add_source(
                    connection, self.root, exclude=exclude, include_hidden=hidden, enclosing=enclosing, columns=columns
                )
            else:
                self.source = own._replace(exclude=exclude, include_hidden=hidden, columns=columns)
            self.source = self.source._replace(mounts=self.stored_mounts(connection))
            sources.update_source(connection, self.source)


def _is_there(root: str) -> bool:
    """Return whether there is anything of another source.

    Raises:
        SourceError: It is in an object store that cannot be used.
    """
    if not is_url(root):
        return os.path.lexists(root)
    with source_errors():
        return bool(open_place(root).entries())


def _is_file_there(path: str) -> bool:
    """Return whether there is a file, as far as can be told."""
    return not item_files.is_missing(path) if is_url(path) else os.path.lexists(path)
