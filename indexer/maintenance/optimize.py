"""Choose a library's index by measurement, and decide when to choose again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from indexer.catalog.statements.index_settings import IndexSettings, read_index_settings, save_index_settings
from indexer.errors import LibraryError, StorageError
from indexer.store import Store
from indexer.types import ProgressCallback
from indexer.vectors import read_index
from indexer.vectors.base import MutableIndex, VectorIndex
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.kinds import SERVER_KIND
from indexer.vectors.measurements import HoldoutQueries, IndexChoice, IndexTarget

AUTO_CHOICE_SIZE = 100_000
"""Embeddings from which an index is chosen automatically.

Below, exact search takes less time than encoding the query (`make bench`: 4 and 8 ms, with `compact`).
"""

_MAX_CHANGED_SHARE = 0.1
"""Share of embeddings that may be added or removed before an index is chosen again: they are searched exactly."""

DEFAULT_RECALL = 0.99
"""Default of the smallest recall of the ten best hits."""


def index_settings(store: Store) -> IndexSettings | None:
    """Return the settings of a library's index, or None if there are none."""
    return store.cached("index settings", read_index_settings)


def is_due(store: Store) -> bool:
    """Return whether an index should be chosen: the library is large enough, or has changed since the last choice.

    After a failed attempt the library must change by `_MAX_CHANGED_SHARE` before the next one. The index in a server is
    not measured again by itself: that would read all vectors to the machine that has just indexed.
    """
    if store.encoder is None or store.server_choice() is not None:
        return False
    choice, settings, count = store.choice(), index_settings(store), len(store.index())
    failed = None if settings is None else settings.failed
    if failed is not None and abs(count - failed) <= _MAX_CHANGED_SHARE * failed:
        return False
    if choice is None:
        return settings is not None or count >= AUTO_CHOICE_SIZE
    return choice[1] > _MAX_CHANGED_SHARE


def note_failure(store: Store, target: IndexTarget) -> None:
    """Record that no index meets a target at the library's current size."""
    with store.transaction() as connection:
        save_index_settings(connection, IndexSettings(target.recall, target.memory, failed=len(store.index())))


def optimize(
    store: Store,
    queries: Callable[[VectorIndex], Mapping[str, HoldoutQueries]],
    *,
    target: IndexTarget,
    progress: ProgressCallback | None = None,
) -> IndexChoice:
    """Choose an index, put it into use and return the choice; searches use the old index meanwhile.

    All vectors are read to this machine, also those of a library in a server. Its own index, which it keeps for all
    machines, is chosen only if no index in memory fits; see `indexer.vectors.autotune.select.choose`. Then the index
    files of this machine are deleted.

    Args:
        store: The library; the caller holds its write lock.
        queries: Returns the queries to measure with, by kind, for the library's vectors.
        target: Requirements for the index.
        progress: Called with the steps done so far.

    Raises:
        LibraryError: The library holds nothing, or an index could not be built.
        ConfigError: No index meets the target.
        StorageError: The disk is full or read-only; the old index stays in use.
    """
    if not len(store.index_in_memory(save=True, progress=progress)):
        raise LibraryError(f"{store.name} holds nothing to search; run: recall index FOLDER")
    fingerprint = store.index_fingerprint
    try:  # a separate index object: other threads search that of the store
        index, _ = read_index(store.index_file(fingerprint), fingerprint=fingerprint)
    except StaleIndexError as error:
        raise StorageError(f"the index could not be saved ({error}); is the disk full, or read-only?") from error
    _write_best(store, index, queries, target, progress)
    with store.transaction() as connection:
        save_index_settings(connection, IndexSettings(target.recall, target.memory))
    store.drop_old_graphs()
    if store.server_choice() is not None:
        store.release_index()
        with suppress(OSError):  # Windows keeps files that are open
            store.delete_indexes(keep=())
    store.invalidate_index_choice()
    choice = store.choice()
    if choice is None:
        raise StorageError(f"{store.choice_file(fingerprint)} cannot be read back; is the disk damaged?")
    return choice[0]


def _write_best(
    store: Store,
    index: MutableIndex,
    queries: Callable[[VectorIndex], Mapping[str, HoldoutQueries]],
    target: IndexTarget,
    progress: ProgressCallback | None,
) -> None:
    """Build and measure indexes, and write the best one to the library's choice file."""
    from indexer.vectors.autotune.choice_file import write_choice
    from indexer.vectors.autotune.select import choose  # late: imports FAISS

    part: Path | None = None
    try:
        server = store.built_server_index if store.can_search_in_server else None
        measurements, part = choose(index, queries(index), target, folder=store.path, server=server, progress=progress)
        if measurements[0].kind == SERVER_KIND:
            store.save_server_choice(target, measurements, int(index.ids[-1]))
            return
        if part is None:
            part = store.path / "exact.part"
            part.touch()
        write_choice(
            part,
            store.choice_file(store.index_fingerprint),
            target=target,
            measurements=measurements,
            index=index,
            fingerprint=store.index_fingerprint,
        )
        store.forget_server_choice()
    except OSError as error:
        raise StorageError(
            f"the index cannot be written to {store.path} ({error}); nothing was changed; free some space and run it "
            "again"
        ) from error
    except (MemoryError, RuntimeError) as error:  # FAISS raises RuntimeError
        raise LibraryError(f"no index could be built ({str(error) or 'out of memory'}); nothing was changed") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
