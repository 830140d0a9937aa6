"""What a sync visits, and by which rules: the paths that were named, the sources inside them, or all sources."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from indexer.catalog.statements import sources
from indexer.config import Settings
from indexer.documents.table import TABLE_FORMATS, Columns, table_format
from indexer.encoders.base import Encoder
from indexer.errors import SourceError
from indexer.store import Store
from indexer.sync import pipeline
from indexer.sync.report import SyncReport
from indexer.sync.scan_rules import Rules, source_rules
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
    progress: ProgressCallback | None = None,
) -> SyncReport:
    """Bring a library in step with folders and files, and return what was done; see `Library.sync`.

    Args:
        store: The library; its write lock must be held.
        paths: Folders and files; none means everything that was indexed before.
        load: Gives the encoder; called only when there is something to encode.
        settings: Limits, workers and time limit of the decoder.
        exclude: Patterns to leave out; None keeps those that there are.
        include_hidden: Whether to walk names that begin with a dot; None keeps what there is.
        columns: Which columns of the tables among the paths are what; None keeps those that there are.
        progress: Told how far it has come.

    Raises:
        SourceError: A path is missing, cannot be read or holds neither photo nor text; the others were synced first.
            Or columns are given, and no path is a table.
        StorageError: The disk is full or read-only; what was committed is kept.
    """
    report = SyncReport()
    synced = False
    refused: list[SourceError] = []
    targets = _targets(store, paths)
    if columns is not None and not any(is_named and table_format(path) for path, is_named in targets.items()):
        raise SourceError(f"columns are given, but no table: name one with the ending {', '.join(TABLE_FORMATS)}")
    for path, is_named in targets.items():
        if not is_named and not _is_due(store, path):
            continue
        rules = None
        if is_named or not paths:
            rules = _rules(store, path, exclude=exclude, include_hidden=include_hidden)
        elif exclude is not None or include_hidden is not None:
            logger.warning("%s was indexed on its own and keeps its own rules; name it to change them", path)
        try:
            done = pipeline.sync(
                store,
                path,
                load=load,
                settings=settings,
                rules=rules,
                columns=columns if is_named else None,
                progress=progress,
            )
            report.include(done)
            synced = True
        except SourceError as error:  # a disk that is away does not keep the other sources from their sync
            refused.append(error)
    for other in refused[1:]:
        logger.warning("%s", other)
    if refused:
        if synced:
            logger.warning("the others were synced: %s", report.summary)
        raise refused[0]
    return report


def _targets(store: Store, paths: Sequence[str | os.PathLike[str]]) -> dict[str, bool]:
    """Return what to sync, and whether the caller named it: paths and the sources inside them, or all sources."""
    if not all(os.fspath(path) for path in paths):
        raise SourceError("an empty path was given; name a folder or a picture")
    with store.reading() as connection:
        known = [source.root for source in sources.sources(connection)]
        named = [sources.canonical_path(connection, path) for path in paths]
        inside = [source.root for place in named for source in sources.sources_below(connection, place)]
    if not paths and not any(os.path.lexists(root) for root in known):
        raise SourceError("there is nothing to index again; name a folder: recall index FOLDER")
    others = inside if paths else known
    return dict.fromkeys(named, True) | {root: False for root in others if root not in named}


def _is_due(store: Store, root: str) -> bool:
    """Return whether a source that nobody named is to be synced: it is still known, and on the disk."""
    with store.reading() as connection:
        if all(source.root != root for source in sources.sources(connection)):
            return False  # all its photos were found elsewhere a moment ago
    if os.path.lexists(root):
        return True
    advice = f"if it was deleted, run: recall forget {root}"
    logger.warning("%s is not there now; what the library has from it is kept; %s", root, advice)
    return False


def _rules(
    store: Store, path: str | os.PathLike[str], *, exclude: Sequence[str] | None, include_hidden: bool | None
) -> Rules | None:
    """Return the rules for a path, or None where it keeps those it has."""
    if exclude is None and include_hidden is None:
        return None
    with store.reading() as connection:
        place = sources.canonical_path(connection, path)
        known = sources.enclosing_source(connection, place)
    old = source_rules(known)
    if known and known.root != place:
        old = old.for_subfolder(os.path.relpath(place, known.root))
    return Rules(
        old.exclude if exclude is None else _patterns(exclude),
        old.include_hidden if include_hidden is None else include_hidden,
    )


def _patterns(exclude: Sequence[str]) -> list[str]:
    """Return patterns without empty ones, and without the slash that completion puts behind a folder."""
    return [pattern.rstrip("/") for pattern in exclude if pattern.rstrip("/")]
