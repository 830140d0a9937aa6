"""Chooses a library's index by measurement, and notices when it should be chosen anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from indexer.catalog.statements.index_settings import IndexSettings, read_index_settings, save_index_settings
from indexer.errors import LibraryError, StorageError
from indexer.store import Store
from indexer.types import ProgressCallback
from indexer.vectors import read_index
from indexer.vectors.base import VectorIndex
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.measurements import HoldoutQueries, IndexChoice, IndexTarget

AUTO_CHOICE_SIZE = 100_000
"""Embeddings from which an index is chosen without being asked.

Below, looking at all of them takes less than encoding the query does (`make bench`: 4 and 8 ms, of `compact`).
"""

MAX_DRIFT = 0.1
"""Part of the embeddings that may be added or removed before an index is chosen anew: those are searched exactly."""

DEFAULT_RECALL = 0.99
"""Of the ten best, what an index has to find where nobody says otherwise."""


def index_settings(store: Store) -> IndexSettings | None:
    """Return what was asked of a library's index, None where nothing was."""
    return store.cached("index wish", read_index_settings)


def is_due(store: Store) -> bool:
    """Return whether an index should be chosen: the library is large enough, or has changed since the last choice.

    After a failed attempt the library must change by `MAX_DRIFT` before the next one.
    """
    if store.encoder is None:
        return False
    chosen, wish, held = store.choice(), index_settings(store), len(store.index())
    if wish is not None and wish.failed is not None and abs(held - wish.failed) <= MAX_DRIFT * wish.failed:
        return False
    if chosen is None:
        return wish is not None or held >= AUTO_CHOICE_SIZE
    return chosen[1] > MAX_DRIFT


def note_failure(store: Store, target: IndexTarget) -> None:
    """Remember that no index is what was asked for, now that the library is as large as it is."""
    with store.transaction() as connection:
        save_index_settings(connection, IndexSettings(target.recall, target.memory, failed=len(store.index())))


def optimize(
    store: Store,
    queries: Callable[[VectorIndex], Mapping[str, HoldoutQueries]],
    *,
    target: IndexTarget,
    progress: ProgressCallback | None = None,
) -> IndexChoice:
    """Return the index that was chosen, after putting it before the library's; searches go on with the old one.

    Args:
        store: The library; its write lock must be held.
        queries: Gives the queries to measure with, some of each name, from the library's vectors.
        target: What the index has to be.
        progress: Called with how far it has come.

    Raises:
        LibraryError: The library holds nothing.
        ConfigError: No index is what was asked for.
        StorageError: The disk is full or read-only; what was searched with before still is.
    """
    from indexer.vectors.autotune.choice_file import write_choice
    from indexer.vectors.autotune.select import choose  # late: it brings FAISS

    if not len(store.index(save=True, progress=progress)):
        raise LibraryError(f"{store.path} holds nothing to search; run: recall index FOLDER")
    fingerprint = store.index_fingerprint
    try:
        index, _ = read_index(store.index_file(fingerprint), fingerprint=fingerprint)  # of its own: others search
    except StaleIndexError as error:
        raise StorageError(f"the index could not be saved ({error}); is the disk full, or read-only?") from error
    part: Path | None = None
    try:
        figures, part = choose(index, queries(index), target, folder=store.path, progress=progress)
        if part is None:
            part = store.path / "exact.part"
            part.touch()
        write_choice(
            part,
            store.choice_file(fingerprint),
            target=target,
            measurements=figures,
            index=index,
            fingerprint=fingerprint,
        )
    except OSError as error:
        raise StorageError(
            f"the index cannot be written to {store.path} ({error}); nothing was changed, free some space and run it "
            "again"
        ) from error
    except (MemoryError, RuntimeError) as error:  # FAISS's own errors are RuntimeErrors
        raise LibraryError(f"no index could be built ({str(error) or 'out of memory'}); nothing was changed") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    with store.transaction() as connection:
        save_index_settings(connection, IndexSettings(target.recall, target.memory))
    store.invalidate_index_choice()
    chosen = store.choice()
    if chosen is None:
        raise StorageError(f"{store.choice_file(fingerprint)} cannot be read back; is the disk damaged?")
    return chosen[0]
