"""Syncs a library: the given paths and the sources inside them, or all sources."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from indexer.catalog.statements import sources
from indexer.config import Settings
from indexer.documents.table import TABLE_FORMATS, Columns, table_format
from indexer.encoders.base import Encoder
from indexer.errors import SourceError
from indexer.storage.item_files import may_exist
from indexer.store import Store
from indexer.sync import pipeline
from indexer.sync.positions import name_positions
from indexer.sync.removals import Removals
from indexer.sync.report import SyncReport
from indexer.sync.scan_rules import Rules, is_folder, source_rules
from indexer.types import ProgressCallback

logger = logging.getLogger(__name__)


def sync_paths(
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
    """Update a library from folders and files, and return a report; see `Library.sync`.

    Args:
        store: The library; its write lock must be held, except for a dry run.
        paths: Folders and files; empty for all sources.
        load: Loads the encoder; called only if something must be encoded.
        settings: Limits, number of workers and time limit of the decoder.
        exclude: Patterns of names and paths to exclude; None keeps each source's patterns.
        include_hidden: Whether to include names that begin with a dot; None keeps each source's setting.
        columns: The columns to index of the tables among the paths; None keeps each source's columns.
        forget_missing: Whether to remove the items of folders that have lost all of their files; by default they are
            kept, because a disk may not be connected.
        dry_run: Whether to write nothing, and only count what would be done.
        progress: Called with the progress.

    Raises:
        SourceError: A path does not exist, cannot be read or contains neither photos nor text files; the others were
            synced first. Or `columns` is given and no path is a table.
        StorageError: The disk is full or read-only; earlier commits are kept.
    """
    report, is_synced = SyncReport(is_dry_run=dry_run), False
    errors: list[SourceError] = []
    targets = _targets(store, paths)
    _check_columns(columns, targets)
    if not dry_run:
        name_positions(store)
    absent: list[str] = []
    files_of = {} if exclude is not None or include_hidden is not None else _group_files(store, targets)
    with Removals(store, forget_missing=forget_missing, is_dry_run=dry_run) as removals:
        sync = partial(pipeline.sync, store, load=load, settings=settings, progress=progress, removals=removals)
        for root, files in files_of.items():
            is_synced |= _include(report, errors, partial(sync, root, files=files, is_last=False))
        for number, (path, is_named) in enumerate(targets.items(), start=1):
            if not is_named and not _must_sync(store, path):
                absent.append(path)
                continue
            can_change = is_named or not paths
            rules = _new_rules(store, path, exclude=exclude, include_hidden=include_hidden, can_change=can_change)
            own_columns, is_last = columns if is_named else None, number == len(targets)
            run = partial(sync, path, rules=rules, columns=own_columns, is_last=is_last, is_named=is_named)
            is_synced |= _include(report, errors, run)
        if (removals.apply(report) or absent) and not dry_run:
            _finish(store, absent)
        errors += removals.errors
    if errors:
        _log_and_raise(errors, report if is_synced else None)
    return report


def _include(report: SyncReport, errors: list[SourceError], run: Callable[[], SyncReport]) -> bool:
    """Add a run to a report, or its error to the errors; return whether it succeeded.

    A disconnected disk does not stop the sync of the other sources.
    """
    try:
        report.include(run())
    except SourceError as error:
        errors.append(error)
        return False
    return True


def _check_columns(columns: Columns | None, targets: dict[str, bool]) -> None:
    if columns is not None and not any(is_named and table_format(path) for path, is_named in targets.items()):
        raise SourceError(f"columns are given, but no path is a table; name one ending in {', '.join(TABLE_FORMATS)}")


def _group_files(store: Store, targets: dict[str, bool]) -> dict[str, list[str]]:
    """Take named files that are part of a source out of the targets, and return them by the source's root.

    They are synced together: a list of thousands is one run, not thousands.
    """
    files_of: dict[str, list[str]] = {}
    with store.reading() as connection:
        for path in [path for path, is_named in targets.items() if is_named and _is_file(path)]:
            source = None if table_format(path) else sources.enclosing_source(connection, path)
            if source and source.root != path and not source_rules(source).excludes_path(path, source.root):
                files_of.setdefault(source.root, []).append(path)
                del targets[path]
    return files_of


def _is_file(path: str) -> bool:
    try:
        return not is_folder(path)
    except SourceError:
        return False  # its own sync says so


def _finish(store: Store, absent: Sequence[str]) -> None:
    """Delete sources that are not needed any more, warn of those that do not exist, and update the index."""
    with store.transaction() as connection:
        sources.delete_empty_sources(connection)
        remaining = {source.root for source in sources.sources(connection)}
    for root in absent:
        if root in remaining:
            advice = f"if it was deleted, run: recall forget {root}"
            logger.warning("%s does not exist now; its items stay in the library; %s", root, advice)
    if store.encoder is not None:
        store.index(save=True)


def _log_and_raise(errors: Sequence[SourceError], report: SyncReport | None) -> NoReturn:
    """Raise the first error, after logging the others and the summary of the sources that were synced."""
    for error in errors[1:]:
        logger.warning("%s", error)
    if report is not None:
        logger.warning("the others were synced: %s", report.summary)
    raise errors[0]


def _targets(store: Store, paths: Sequence[str | os.PathLike[str]]) -> dict[str, bool]:
    """Return the paths to sync, and whether the caller named them: `paths` and sources inside them, or all sources."""
    if not all(os.fspath(path) for path in paths):
        raise SourceError("an empty path was given; name a folder or a picture")
    with store.reading() as connection:
        roots = [source.root for source in sources.sources(connection)]
        named = [sources.canonical_path(connection, path) for path in paths]
        nested = [source.root for path in named for source in sources.sources_below(connection, path)]
    if not paths and not any(map(may_exist, roots)):
        raise SourceError("there is nothing to index again; name a folder: recall index FOLDER")
    others = nested if paths else roots
    return dict.fromkeys(named, True) | {root: False for root in others if root not in named}


def _must_sync(store: Store, root: str) -> bool:
    """Return whether to sync a source that the caller did not name: it is still in the library and on disk."""
    with store.reading() as connection:
        if all(source.root != root for source in sources.sources(connection)):
            return False  # its last photos were found elsewhere earlier in this run
    return may_exist(root)


def _new_rules(
    store: Store, path: str, *, exclude: Sequence[str] | None, include_hidden: bool | None, can_change: bool
) -> Rules | None:
    """Return the new rules of a path, None to keep its rules."""
    if exclude is None and include_hidden is None:
        return None
    if not can_change:
        logger.warning("%s is a source of its own and keeps its rules; name it to change them", path)
        return None
    with store.reading() as connection:
        root = sources.canonical_path(connection, path)
        source = sources.enclosing_source(connection, root)
    rules = source_rules(source)
    if source and source.root != root:
        rules = rules.for_subfolder(os.path.relpath(root, source.root))
    return Rules(
        rules.exclude if exclude is None else _clean_patterns(exclude),
        rules.include_hidden if include_hidden is None else include_hidden,
    )


def _clean_patterns(patterns: Sequence[str]) -> list[str]:
    """Return patterns without empty ones, and without the slash that shells add to folder names."""
    return [pattern.rstrip("/") for pattern in patterns if pattern.rstrip("/")]
