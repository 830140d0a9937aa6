"""Syncs one source: scan, plan, catalog updates, encoding; resumable, and a bad file does not stop it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.statements import counts, sources, writes
from indexer.catalog.statements.copies import copy_items
from indexer.catalog.statements.counts import Failure
from indexer.config import Settings
from indexer.documents.table import Columns
from indexer.documents.text_file import text_format
from indexer.encoders.base import Encoder
from indexer.errors import NoPhotosError
from indexer.store import Store
from indexer.sync.batch_target import CatalogTarget
from indexer.sync.encode_stage import EncodeStage
from indexer.sync.item_columns import fallback_date, file_columns, sidecar_columns
from indexer.sync.removals import Removals
from indexer.sync.report import MAX_LISTED, SyncReport
from indexer.sync.scan import Scan
from indexer.sync.scan_rules import Rules, resolve_path
from indexer.sync.spool import is_work
from indexer.sync.steps import Added, Changed, Moved, Reread, Step, Touched
from indexer.types import Progress, ProgressCallback, utc_now

STEPS_PER_COMMIT = 1000
"""Steps without encoding that are committed together."""


def sync(
    store: Store,
    path: str | os.PathLike[str],
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    rules: Rules | None = None,
    columns: Columns | None = None,
    progress: ProgressCallback | None = None,
    removals: Removals,
    is_last: bool = True,
    is_named: bool = True,
    files: Sequence[str] = (),
) -> SyncReport:
    """Update the library from a folder, file or table, and return a report.

    A path inside an existing source is synced as a part of that source. It becomes a source of its own if it is given
    rules or if the enclosing source excludes it. Other sources inside the path are skipped.

    Args:
        store: The library; its write lock must be held.
        path: A folder, a file or a table.
        load: Loads the encoder; called only if something must be encoded.
        settings: Limits, number of workers and time limit of the decoder.
        rules: What to exclude; None keeps the source's rules.
        columns: The columns of a table to index; None keeps the source's columns.
        progress: Called with the progress.
        removals: Gets the items whose files were not found.
        is_last: Whether no other source follows, so that the removals are applied before the long work of encoding.
        is_named: Whether the caller named the path; otherwise it may be empty if the library has no items of it.
        files: Files of the source at `path`, if only these are synced.

    Raises:
        SourceError: The path does not exist or cannot be read; nothing was changed. Or another process removed the
            source from the library meanwhile.
        NoPhotosError: The path contains neither photos nor text files, and the library has no items of it; or none of
            its items can be read.
        MissingPackageError: The path is a Parquet table and pyarrow is not installed.
        StorageError: The disk is full or read-only; earlier commits are kept.
    """
    start = time.perf_counter()
    with store.reading() as connection:
        root = sources.canonical_path(connection, path)
    root = root if os.path.lexists(root) else resolve_path(path)
    report = SyncReport(is_dry_run=removals.is_dry_run)
    notify = progress or (lambda _: None)
    scan = Scan(store, root, is_named, report, notify, files=files, is_dry_run=removals.is_dry_run)
    try:
        scan.run(rules, columns)
        removals.add(scan.removals)
        if removals.is_dry_run:
            _count_steps(scan, removals, report)
            return report
        run = _SyncRun(store, scan, load, settings, report, scan.progress)
        run.update_catalog()
        if is_last:
            removals.apply(report)
        if scan.spool.work_count:
            run.encode()
        if not scan.is_empty:
            run.finish()
    finally:
        scan.spool.close()
    report.total_seconds = time.perf_counter() - start
    return report


@dataclass(slots=True)
class _SyncRun:
    """A sync in progress, after the scan."""

    store: Store
    scan: Scan
    load: Callable[[], Encoder]
    settings: Settings
    report: SyncReport
    progress: ProgressCallback

    def update_catalog(self) -> None:
        """Execute the steps that need no encoder: moves, touches and copies."""
        steps = (step for step in self.scan.spool if not is_work(step))
        done = 0
        with self.report.timing("write"):
            while batch := list(islice(steps, STEPS_PER_COMMIT)):
                with self.store.transaction() as connection:
                    self._apply(connection, batch)
                done += len(batch)
                self.progress(Progress("updating", done))

    def _apply(self, connection: Connection, batch: list[Step]) -> None:
        moved = [step for step in batch if isinstance(step, Moved | Touched)]
        rows = [
            {"key": step.item_id, "fallback_date": fallback_date(step.file), **file_columns(step.file, self._source_id)}
            for step in moved
        ]
        writes.update_file_stats(connection, rows)
        sidecars = [
            {"key": step.item_id, **sidecar_columns(step.file)}
            for step in moved
            if step.file.sidecars and not (isinstance(step, Moved) and step.has_other_sidecar)
        ]
        writes.update_sidecar_stats(connection, sidecars)
        copies = [
            (
                step.copy_of,
                {
                    "fallback_date": fallback_date(step.file),
                    "indexed_at": utc_now(),
                    **file_columns(step.file, self._source_id),
                },
            )
            for step in batch
            if isinstance(step, Added | Changed) and step.copy_of is not None
        ]
        copy_items(connection, copies)
        for step in batch:
            self.report.count(_outcome(step))

    @property
    def _source_id(self) -> int | None:
        return self.scan.source.id if self.scan.source else None

    def encode(self) -> None:
        """Execute the steps that need the encoder, batch by batch."""
        work = (step for step in self.scan.spool if is_work(step))
        EncodeStage(
            target=CatalogTarget(self.store, self._source_id),
            load=self.load,
            settings=self.settings,
            report=self.report,
            progress=self.progress,
        ).run(work, self.scan.spool.work_count)

    def finish(self) -> None:
        """Update the source and the index, and list the failures.

        Raises:
            NoPhotosError: No item of the source could be read.
        """
        root, source, source_id = self.scan.root, self.scan.source, self._source_id
        with self.store.transaction() as connection:
            if source is not None and not self.scan.files:
                sources.update_mounts(connection, source.id, self.scan.stored_mounts(connection))
            if source is not None and source.root == root and not self.scan.files:
                sources.mark_synced(connection, source.id)
            sources.delete_empty_sources(connection)
            self.report.failures = list(counts.failures(connection, root, source_id=source_id, limit=MAX_LISTED))
            self.report.unread_sidecars = list(
                counts.unread_sidecars(connection, root, source_id=source_id, limit=MAX_LISTED)
            )
            is_refused = bool(self.report.failures) and not counts.has_indexed(connection, root, source_id)
            failed = counts.count_items(connection, root, source_id=source_id)[1] if is_refused else 0
        if self.store.encoder is not None:
            with self.report.timing("index"):
                self.store.index(save=True, progress=self.progress)
        if is_refused:
            first = self.report.failures[0]
            raise NoPhotosError(
                f"no {_item_kind(first)} in {root} can be read ({failed} tried), for instance "
                f"{first.row or Path(first.path).name}: {first.message}; run: recall status --failed"
            )


def _count_steps(scan: Scan, removals: Removals, report: SyncReport) -> None:
    """Count what a run would do, without doing it."""
    for step in scan.spool:
        if isinstance(step, Moved):
            removals.moved_ids.add(step.item_id)
        report.count(_outcome(step))


def _item_kind(failure: Failure) -> str:
    """Return the word for a source's items, given the first failure among them."""
    if failure.row is not None:
        return "row"
    return "file" if text_format(failure.path) else "picture"


def _outcome(step: Step) -> Any:
    names = {Added: "added", Changed: "changed", Touched: "unchanged", Reread: "unchanged", Moved: "moved"}
    return names[type(step)]
