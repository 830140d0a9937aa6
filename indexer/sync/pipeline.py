"""Sync of one source: scan, plan, cheap steps, what needs the encoder; resumable, and a bad file costs only itself."""

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
from indexer.sync.content_lookup import ContentLookup, is_gone
from indexer.sync.encode_stage import EncodeStage
from indexer.sync.item_columns import file_columns, file_time
from indexer.sync.planner import Added, Changed, Moved, Planner, Removed, Step, Touched, Unchanged
from indexer.sync.report import MAX_LISTED, SyncReport
from indexer.sync.scan_rules import (
    Listing,
    Rules,
    UnreadableFile,
    UnreadableFolder,
    WalkEntry,
    resolve_path,
    source_rules,
)
from indexer.sync.spool import Spool, is_work
from indexer.sync.table_rows import TableRow, read_table, row_steps
from indexer.sync.walker import walk
from indexer.types import Progress, ProgressCallback, utc_now

Found = TypeVar("Found", bound=TableRow | WalkEntry)

CHEAP = 1000
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
    """Bring the library in step with a folder or file, and return what was done.

    A path inside a known source is synced as a part of it. It becomes a source of its own where it is given rules of
    its own, or where the source around it leaves it out. Sources inside the path are passed over.

    Args:
        store: The library; its write lock must be held.
        path: A folder, a file or a table.
        load: Gives the encoder; called only when there is something to encode.
        settings: Limits, workers and time limit of the decoder.
        rules: What to leave out; None keeps the rules that the source has.
        columns: Which columns of a table are what; None keeps those that the source has.
        progress: Told how far it has come.

    Raises:
        SourceError: The path is missing or cannot be read; nothing was changed.
        NoPhotosError: It holds neither photo nor text; nothing was removed.
        MissingPackageError: It is a Parquet table, and pyarrow is not installed.
        StorageError: The disk is full or read-only; what was committed is kept.
    """
    start = time.perf_counter()
    with store.reading() as connection:
        root = sources.canonical_path(connection, path)
    run = _Run(
        store, root if os.path.lexists(root) else resolve_path(path), load, settings, progress or (lambda _: None)
    )
    try:
        run.scan(rules, columns)
        run.apply_cheap_steps()
        if run.spool.work:
            run.encode_work()
        run.finish()
    finally:
        run.spool.close()
    run.report.total_seconds = time.perf_counter() - start
    return run.report


@dataclass(slots=True)
class _Run:
    """The state of one sync."""

    store: Store
    root: str
    load: Callable[[], Encoder]
    settings: Settings
    progress: ProgressCallback
    report: SyncReport = field(default_factory=SyncReport)
    spool: Spool = field(init=False)
    found: int = 0
    source: Source | None = None

    def __post_init__(self) -> None:
        with storage_errors(self.store.path):
            self.spool = Spool(self.store.path)

    def scan(self, rules: Rules | None, columns: Columns | None) -> None:
        """Compare the source with the catalog and spool what is to be done."""
        if table_format(self.root) and not os.path.isdir(self.root):
            self._scan_table(columns)
        else:
            self._scan_files(rules)

    def _scan_table(self, columns: Columns | None) -> None:
        with self.report.timing("scan"), self.store.reading() as connection:
            around = sources.enclosing_source(connection, self.root)
            mine = around if around and around.root == self.root else None
            columns = columns or Columns(**((mine and mine.columns) or {}))
            steps = row_steps(
                self._watched(read_table(self.root, columns)),
                look_up=lambda paths: table_rows.rows_by_path(connection, paths),
                known=table_rows.row_records(connection, self.root),
            )
            for step in steps:
                self._note(step)
            self._refuse_empty(connection, Rules())
        self._keep_source(mine, around, source_rules(mine), columns.to_dict())

    def _scan_files(self, rules: Rules | None) -> None:
        with self.report.timing("scan"), self.store.reading() as connection:
            around = sources.enclosing_source(connection, self.root)
            mine = around if around and self._is_part_of(around, rules) else None
            if rules is None:
                rules = source_rules(mine)
            others = {source.root for source in sources.sources_below(connection, self.root)}
            planner = Planner(same_content=ContentLookup(connection), is_gone=is_gone)
            found = walk(self.root, rules, base=mine.root if mine else None, others=others)
            items = sync_state.file_stats(connection, self.root, around.id) if around else iter(())
            for step in planner.steps(self._watched(found), items):
                self._note(step)
            if not any(os.path.lexists(other) for other in others):
                self._refuse_empty(connection, rules)
        self._keep_source(mine, around, rules)

    def _is_part_of(self, source: Source, rules: Rules | None) -> bool:
        """Return whether what is synced belongs to the source around it, instead of being one of its own."""
        if source.root == self.root:
            return True
        return rules is None and not source_rules(source).excludes_path(os.path.relpath(self.root, source.root))

    def _watched(self, found: Iterable[Found]) -> Iterator[Found]:
        for each in found:
            if isinstance(each, UnreadableFolder | UnreadableFile):
                self.report.unreadable_folders.append(f"{each.path}: {each.reason}")
            else:
                self.found += len(each.files) if isinstance(each, Listing) else 1
                self.progress(Progress("scanning", self.found))
            yield each

    def _note(self, step: Step) -> None:
        if isinstance(step, Unchanged):
            self.report.count("failed" if step.failed else "unchanged", step.number)
            return
        self.spool.put(step)

    def _refuse_empty(self, connection: Connection, rules: Rules) -> None:
        if self.found or self.report.unreadable_folders:
            return
        beside = f" beside what is left out ({', '.join(rules.exclude)})" if rules.exclude else ""
        indexed, failed = counts.count_items(connection, self.root)
        if indexed + failed:
            raise NoPhotosError(
                f"{self.root} holds no photos or texts now{beside}, but the library has {indexed + failed} from there; "
                f"is a disk missing? Nothing was removed. If they were deleted, run: recall forget {self.root}"
            )
        raise NoPhotosError(
            f"{self.root} holds no photos or texts{beside}; expected a folder with pictures such as .jpg, .png or "
            ".heic or with .txt or .md files, or a table with rows"
        )

    def _keep_source(
        self,
        mine: Source | None,
        around: Source | None,
        rules: Rules,
        columns: dict[str, Any] | None = None,
    ) -> None:
        exclude, hidden = list(rules.exclude), rules.include_hidden
        with self.store.transaction() as connection:
            if mine is None:
                self.source = sources.add_source(
                    connection, self.root, exclude=exclude, include_hidden=hidden, enclosing=around, columns=columns
                )
            else:
                self.source = mine._replace(exclude=exclude, include_hidden=hidden, columns=columns)
                sources.update_source(connection, self.source)

    def apply_cheap_steps(self) -> None:
        """Do all that needs no encoder: moves, touches, copies, removals."""
        steps = (step for step in self.spool if not is_work(step))
        done = 0
        with self.report.timing("write"):
            while batch := list(islice(steps, CHEAP)):
                with self.store.transaction() as connection:
                    self._apply(connection, batch)
                done += len(batch)
                self.progress(Progress("updating", done))

    def _apply(self, connection: Connection, batch: list[Step]) -> None:
        stats = [(step.item_id, step.file) for step in batch if isinstance(step, Moved | Touched)]
        if stats:
            facts = [
                {"key": id_, "file_time": file_time(file), **file_columns(file, self._source_id)} for id_, file in stats
            ]
            writes.update_file_stats(connection, facts)
        copies = [
            (
                step.copy_of,
                {
                    "file_time": file_time(step.file),
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

    def encode_work(self) -> None:
        """Decode, encode and commit what is new, a batch at a time."""
        work = (step for step in self.spool if is_work(step))
        EncodeStage(
            store=self.store,
            load=self.load,
            settings=self.settings,
            report=self.report,
            progress=self.progress,
            source_id=self._source_id,
        ).run(work, self.spool.work)

    def finish(self) -> None:
        """Note the sync, bring the index in step, list the failures; refuse a source with no readable photo."""
        with self.store.transaction() as connection:
            if self.source and self.source.root == self.root:
                sources.mark_synced(connection, self.source.id)
            sources.delete_empty_sources(connection)
            mine = self._source_id
            self.report.failures = list(counts.failures(connection, self.root, source_id=mine, limit=MAX_LISTED))
            refused = bool(self.report.failures) and not counts.has_indexed(connection, self.root, mine)
            failed = counts.count_items(connection, self.root, source_id=mine)[1] if refused else 0
        if self.store.encoder is not None:
            with self.report.timing("index"):
                self.store.index(save=True, progress=self.progress)
        if refused:
            first = self.report.failures[0]
            raise NoPhotosError(
                f"none of the {failed} {_called(first)} in {self.root} can be read, for instance "
                f"{first.row or Path(first.path).name}: {first.message}; run: recall status --failed"
            )


def _called(failure: Failure) -> str:
    """Return what a source's items are called where the first of those that failed is this."""
    if failure.row is not None:
        return "rows"
    return "files" if text_format(failure.path) else "pictures"


def _outcome(step: Step) -> Any:
    names = {Added: "added", Changed: "changed", Touched: "unchanged", Moved: "moved", Removed: "removed"}
    return names[type(step)]
