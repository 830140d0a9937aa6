"""Sync of a library, followed by the re-encoding of approximate embeddings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial

from indexer.config import Settings
from indexer.documents.table import Columns
from indexer.encoders.base import Encoder
from indexer.errors import SourceError
from indexer.maintenance.reencode import reencode_approximate
from indexer.store import Store
from indexer.sync.library_sync import sync_paths
from indexer.sync.report import SyncReport
from indexer.types import ProgressCallback


def sync_and_reencode(
    store: Store,
    paths: Sequence[str | os.PathLike[str]],
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    exclude: Sequence[str] | None = None,
    include_hidden: bool | None = None,
    columns: Columns | None = None,
    forget_missing: bool = False,
    dry_run: bool = False,
    progress: ProgressCallback | None = None,
) -> SyncReport:
    """Sync as `sync_paths` does, then re-encode approximate embeddings, and return a report of both.

    If a source is refused, the embeddings of the others are re-encoded all the same; a dry run re-encodes nothing.
    """
    report = SyncReport()
    reencode = partial(reencode_approximate, store, load=load, settings=settings, progress=progress)
    try:
        report = sync_paths(
            store,
            paths,
            load=load,
            settings=settings,
            exclude=exclude,
            include_hidden=include_hidden,
            columns=columns,
            forget_missing=forget_missing,
            dry_run=dry_run,
            progress=progress,
        )
    except SourceError:
        if not dry_run:
            reencode(report=report)
        raise
    if dry_run:
        return report
    start = time.perf_counter()
    reencode(report=report)
    report.total_seconds += time.perf_counter() - start
    return report
