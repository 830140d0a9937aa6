"""Methods of `Library` that index, check and maintain it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from indexer.catalog.statements import counts, sources
from indexer.catalog.statements.counts import Failure
from indexer.errors import ConfigError, SourceError
from indexer.maintenance.status import Status, read_failures, read_status
from indexer.types import ProgressCallback, require_list
from retrieval.library.base import BaseLibrary

if TYPE_CHECKING:
    from indexer.maintenance.check import Problem
    from indexer.sync.report import SyncReport
    from indexer.vectors.measurements import IndexChoice

logger = logging.getLogger(__name__)


def sync(
    self: BaseLibrary,
    *paths: str | os.PathLike[str],
    exclude: Sequence[str] | None = None,
    include_hidden: bool | None = None,
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    id_column: str | None = None,
    forget_missing: bool = False,
    dry_run: bool = False,
    progress: ProgressCallback | None = None,
) -> SyncReport:
    """Bring the library up to date with folders, files and tables, and return a report.

    Folders are searched for photos and texts (.txt, .md). A table (.csv, .jsonl, .parquet) must be named itself; each
    of its rows becomes one item.

    New and changed photos are encoded, moved photos keep their embeddings, deleted photos are no longer found. A run
    that was stopped continues where it left off when it is started again. A file that cannot be read is recorded with
    the reason and does not stop the run. Photos of a folder that is empty now, or whose disk is not mounted, are kept.
    At the end, approximate embeddings that `use_encoder` left are re-encoded, and an index is chosen if that is due;
    see `optimize`.

    Args:
        *paths: Folders and files; none means everything that was indexed before.
        exclude: Patterns such as "*.png" or "2019/*" for names, and for paths below the folder, to leave out. They are
            remembered; None keeps the folder's earlier patterns.
        include_hidden: Whether to include names that begin with a dot; remembered too.
        text_columns: Columns of a table that hold text. They are remembered, like the next two.
        image_column: Column of a table that holds paths of pictures, which must be in the table's folder.
        id_column: Column of a table that identifies a row, also when rows move; None takes the row number.
        forget_missing: Whether to remove the photos of folders that are empty now or whose disk is not mounted; the
            report lists them as `missing_folders`.
        dry_run: Whether to change nothing, and only report what would be done if every file can be read. It does not
            wait for other writers.
        progress: Called with the progress.

    Raises:
        SourceError: A path does not exist or cannot be read; the others were synced first.
        NoPhotosError: A path contains no readable photo or text. Nothing was removed from the library, and the other
            paths were synced first.
        MissingPackageError: A table is in Parquet format, and pyarrow is not installed.
        LibraryLockedError: Another process is writing to the library.
        StorageError: The disk is full or read-only; committed work is kept.
    """
    from indexer.documents.table import Columns  # late, like the next two: searching needs nothing that decodes
    from retrieval.library.optimize import choose_index_if_due
    from retrieval.library.sync import sync_and_reencode

    require_list(text_columns, "text_columns")
    require_list(exclude, "exclude")
    columns = Columns(tuple(text_columns), image_column, id_column)
    with nullcontext() if dry_run else self._store.writing("indexing", is_run=True):
        report = sync_and_reencode(
            self._store,
            paths,
            load=self._encoder.for_indexing,
            settings=self._settings,
            exclude=exclude,
            include_hidden=include_hidden,
            columns=columns if columns.names else None,
            forget_missing=forget_missing,
            dry_run=dry_run,
            progress=progress,
        )
        if not dry_run:
            report.index_choice = choose_index_if_due(self._store, self._encoder.for_query, progress=progress)
            self._store.vacuum(progress)
    return report


def optimize(
    self: BaseLibrary, *, recall: float = 0.99, memory: int | None = None, progress: ProgressCallback | None = None
) -> IndexChoice:
    """Choose the fastest suitable index by measurement, use it from now on, and return the choice.

    Each kind of index is built from the library's own vectors and measured with words and photos as queries. Of those
    that reach the recall within the memory limit, the fastest is chosen. `sync` does the same, with the recall and
    memory given here, when a library reaches 100,000 units and again when a tenth of it has changed. Searches continue
    meanwhile.

    The index that a PostgreSQL server keeps for all machines takes none of their memory, but each search goes there. It
    is built and measured if the limit leaves no other choice, and then all machines search in the server.

    Args:
        recall: Share of the ten best results of exact search that the index must find, above 0 and at most 1; 1 is
            exact search.
        memory: Maximum size of the index in the memory of a machine that searches, in bytes; None for no limit.
        progress: Called with the progress.

    Raises:
        ConfigError: No index meets the requirements, or a number is out of range.
        LibraryError: The library is empty.
        LibraryLockedError: Another process is writing to the library.
        StorageError: The disk is full or read-only; the former index remains in use.
    """
    from indexer.vectors.measurements import IndexTarget  # late, like the next
    from retrieval.library.optimize import choose_index

    if not 0 < recall <= 1:
        raise ConfigError(f"the recall is {recall:g}; expected a number above 0 and at most 1, such as 0.99")
    if memory is not None and memory < 1:
        raise ConfigError(f"the memory limit is {memory} bytes; expected at least 1, or None for no limit")
    self._require_items()
    with self._store.writing("choosing an index", is_run=True):
        return choose_index(
            self._store, self._encoder.for_query, target=IndexTarget(float(recall), memory), progress=progress
        )


def forget(self: BaseLibrary, path: str | os.PathLike[str], *, progress: ProgressCallback | None = None) -> int:
    """Remove a file or folder from the library and return the number of items removed; the files stay on the disk.

    Items are removed in batches of some thousands. A run that was stopped continues where it left off when it is
    started again.

    Args:
        path: A file or folder.
        progress: Called with the progress.

    Raises:
        SourceError: The library has nothing at this path.
        LibraryLockedError: Another process is writing to the library.
    """
    from indexer.maintenance import forget as forget_items  # late: searching does not need it

    with self._store.writing("forgetting"):
        with self._store.reading() as connection:
            root = sources.canonical_path(connection, path)
            is_source = any(source.root == root for source in sources.sources(connection))
            if not is_source and not counts.has_items(connection, root):
                raise SourceError(f"the library has nothing at {root}; run: recall status")
        return forget_items.forget(self._store, root, progress=progress)


def status(self: BaseLibrary) -> Status:
    """Return what the library holds; the encoder is not loaded."""
    return read_status(self._store)


def failures(self: BaseLibrary) -> list[Failure]:
    """Return every file that could not be indexed and every sidecar that could not be read, sorted by path."""
    return read_failures(self._store)


def check(self: BaseLibrary, *, repair: bool = False, progress: ProgressCallback | None = None) -> list[Problem]:
    """Return the disagreements between catalog, index and disk, after an optional repair.

    Args:
        repair: Whether to first rebuild the index, drop items without a usable embedding, which the next sync encodes
            again, and delete stored pictures that belong to no item. Added items stay.
        progress: Called with the progress.

    Raises:
        LibraryLockedError: Another process is writing to the library, and `repair` is set.
    """
    from indexer.maintenance import check as checks  # late: searching does not need it

    if repair:
        with self._store.writing("repairing", is_run=True):
            dropped = checks.repair(self._store, progress=progress)
        if dropped:
            logger.info("items dropped: %d; run: recall index, to encode them again", dropped)
    return list(checks.check(self._store, progress=progress))
