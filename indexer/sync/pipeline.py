"""Syncs one source: scan, plan, catalog updates, encoding; resumable, and a bad file does not stop it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from indexer.catalog.engine import storage_errors
from indexer.catalog.statements import counts, sources, sync_state, table_rows, writes
from indexer.catalog.statements.counts import Failure
from indexer.catalog.statements.sources import Source
from indexer.config import Settings
from indexer.documents.table import Columns, table_format
from indexer.documents.text_file import text_format
from indexer.encoders.base import Encoder
from indexer.errors import NoPhotosError
from indexer.store import Store
from indexer.sync.content_lookup import ContentLookup, is_missing
from indexer.sync.encode_stage import EncodeStage
from indexer.sync.item_columns import fallback_date, file_columns
from indexer.sync.other_endings import OtherEndings
from indexer.sync.planner import Planner
from indexer.sync.report import MAX_LISTED, SyncReport
from indexer.sync.scan_rules import Rules, resolve_path, source_rules
from indexer.sync.spool import Spool, is_work
from indexer.sync.steps import Added, Changed, Moved, Removed, Step, Touched, Unchanged
from indexer.sync.table_rows import TableRow, read_table, row_steps
from indexer.sync.walk_entries import Listing, UnreadableFile, UnreadableFolder, WalkEntry
from indexer.sync.walker import walk
from indexer.types import Progress, ProgressCallback, utc_now

ScanEntry = TypeVar("ScanEntry", bound=TableRow | WalkEntry)

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

    Raises:
        SourceError: The path does not exist or cannot be read; nothing was changed. Or another process removed the
            source from the library meanwhile.
        NoPhotosError: The path contains neither photos nor text files; nothing was removed.
        MissingPackageError: The path is a Parquet table and pyarrow is not installed.
        StorageError: The disk is full or read-only; earlier commits are kept.
    """
    start = time.perf_counter()
    with store.reading() as connection:
        root = sources.canonical_path(connection, path)
    root = root if os.path.lexists(root) else resolve_path(path)
    run = _SyncRun(store, root, load, settings, progress or (lambda _: None))
    try:
        run.scan(rules, columns)
        run.update_catalog()
        if run.spool.work_count:
            run.encode()
        run.finish()
    finally:
        run.spool.close()
    run.report.total_seconds = time.perf_counter() - start
    return run.report


@dataclass(slots=True)
class _SyncRun:
    """A sync in progress."""

    store: Store
    root: str
    load: Callable[[], Encoder]
    settings: Settings
    progress: ProgressCallback
    report: SyncReport = field(default_factory=SyncReport)
    spool: Spool = field(init=False)
    file_count: int = 0
    source: Source | None = None

    def __post_init__(self) -> None:
        with storage_errors(self.store.path):
            self.spool = Spool(self.store.path)

    def scan(self, rules: Rules | None, columns: Columns | None) -> None:
        """Compare the source with the catalog and spool the steps."""
        if table_format(self.root) and not os.path.isdir(self.root):
            self._scan_table(columns)
        else:
            self._scan_files(rules)

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
            self._check_not_empty(connection, Rules())
        self._save_source(own, enclosing, source_rules(own), columns.to_dict())

    def _scan_files(self, rules: Rules | None) -> None:
        with self.report.timing("scan"), self.store.reading() as connection:
            enclosing = sources.enclosing_source(connection, self.root)
            own = enclosing if enclosing and self._is_part_of(enclosing, rules) else None
            if rules is None:
                rules = source_rules(own)
            others = {source.root for source in sources.sources_below(connection, self.root)}
            planner = Planner(find_copies=ContentLookup(connection), is_missing=is_missing)
            endings = OtherEndings()
            entries = walk(self.root, rules, base=own.root if own else None, others=others, endings=endings)
            records = sync_state.file_stats(connection, self.root, enclosing.id) if enclosing else iter(())
            for step in planner.steps(self._with_progress(entries), records):
                self._record(step)
            self.report.passed_over = endings.passed_over()
            if not any(os.path.lexists(other) for other in others):
                self._check_not_empty(connection, rules)
        self._save_source(own, enclosing, rules)

    def _is_part_of(self, source: Source, rules: Rules | None) -> bool:
        """Return whether the root is synced as a part of an enclosing source, not as a source of its own."""
        if source.root == self.root:
            return True
        return rules is None and not source_rules(source).excludes_path(self.root, source.root)

    def _with_progress(self, entries: Iterable[ScanEntry]) -> Iterator[ScanEntry]:
        for entry in entries:
            if isinstance(entry, UnreadableFolder | UnreadableFile):
                self.report.unreadable_folders.append(f"{entry.path}: {entry.reason}")
            else:
                self.file_count += len(entry.files) if isinstance(entry, Listing) else 1
                self.progress(Progress("scanning", self.file_count))
            yield entry

    def _record(self, step: Step) -> None:
        if isinstance(step, Unchanged):
            self.report.count("failed" if step.failed else "unchanged", step.count)
            return
        self.spool.add(step)

    def _check_not_empty(self, connection: Connection, rules: Rules) -> None:
        if self.file_count or self.report.unreadable_folders:
            return
        excluded = f", apart from what is excluded ({', '.join(rules.exclude)})" if rules.exclude else ""
        item_count = sum(counts.count_items(connection, self.root))
        if item_count:
            raise NoPhotosError(
                f"{self.root} contains no photos or texts now{excluded}, but the library has {item_count} from it; "
                "nothing was removed. Check that its disk is connected. If the files were deleted, run: recall forget "
                f"{self.root}"
            )
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
        exclude, hidden = list(rules.exclude), rules.include_hidden
        with self.store.transaction() as connection:
            if own is None:
                self.source = sources.add_source(
                    connection, self.root, exclude=exclude, include_hidden=hidden, enclosing=enclosing, columns=columns
                )
            else:
                self.source = own._replace(exclude=exclude, include_hidden=hidden, columns=columns)
                sources.update_source(connection, self.source)

    def update_catalog(self) -> None:
        """Execute the steps that need no encoder: moves, touches, copies and removals."""
        steps = (step for step in self.spool if not is_work(step))
        done = 0
        with self.report.timing("write"):
            while batch := list(islice(steps, STEPS_PER_COMMIT)):
                with self.store.transaction() as connection:
                    self._apply(connection, batch)
                done += len(batch)
                self.progress(Progress("updating", done))

    def _apply(self, connection: Connection, batch: list[Step]) -> None:
        stats = [(step.item_id, step.file) for step in batch if isinstance(step, Moved | Touched)]
        if stats:
            rows = [
                {"key": id_, "fallback_date": fallback_date(file), **file_columns(file, self._source_id)}
                for id_, file in stats
            ]
            writes.update_file_stats(connection, rows)
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
        writes.copy_items(connection, copies)
        for step in batch:
            self.report.count(_outcome(step))
        writes.delete_items(connection, [step.item_id for step in batch if isinstance(step, Removed)])

    @property
    def _source_id(self) -> int | None:
        return self.source.id if self.source else None

    def encode(self) -> None:
        """Execute the steps that need the encoder, batch by batch."""
        work = (step for step in self.spool if is_work(step))
        EncodeStage(
            store=self.store,
            load=self.load,
            settings=self.settings,
            report=self.report,
            progress=self.progress,
            source_id=self._source_id,
        ).run(work, self.spool.work_count)

    def finish(self) -> None:
        """Update the source and the index, and list the failures.

        Raises:
            NoPhotosError: No item of the source could be read.
        """
        with self.store.transaction() as connection:
            if self.source and self.source.root == self.root:
                sources.mark_synced(connection, self.source.id)
            sources.delete_empty_sources(connection)
            source_id = self._source_id
            self.report.failures = list(counts.failures(connection, self.root, source_id=source_id, limit=MAX_LISTED))
            self.report.unread_sidecars = list(
                counts.unread_sidecars(connection, self.root, source_id=source_id, limit=MAX_LISTED)
            )
            is_refused = bool(self.report.failures) and not counts.has_indexed(connection, self.root, source_id)
            failed = counts.count_items(connection, self.root, source_id=source_id)[1] if is_refused else 0
        if self.store.encoder is not None:
            with self.report.timing("index"):
                self.store.index(save=True, progress=self.progress)
        if is_refused:
            first = self.report.failures[0]
            raise NoPhotosError(
                f"no {_item_kind(first)} in {self.root} can be read ({failed} tried), for instance "
                f"{first.row or Path(first.path).name}: {first.message}; run: recall status --failed"
            )


def _item_kind(failure: Failure) -> str:
    """Return the word for a source's items, given the first failure among them."""
    if failure.row is not None:
        return "row"
    return "file" if text_format(failure.path) else "picture"


def _outcome(step: Step) -> Any:
    names = {Added: "added", Changed: "changed", Touched: "unchanged", Moved: "moved", Removed: "removed"}
    return names[type(step)]
