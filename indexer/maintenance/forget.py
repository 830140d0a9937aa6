"""Takes items out of a library, some thousand at a time."""

from __future__ import annotations

from indexer.catalog.statements import sources
from indexer.store import Store
from indexer.types import Progress, ProgressCallback

BATCH_SIZE = 5000
"""Items that are deleted in one transaction, a fifth of a second: readers and the log wait for no more."""


def forget(store: Store, place: str, *, progress: ProgressCallback | None = None) -> int:
    """Take what lies at or under a path out of a library and return how many items that were.

    A run that is stopped has taken out some of them; its sources go with the last.

    Args:
        store: The library; its write lock must be held.
        place: The path as the library knows it.
        progress: Told how far it has come.
    """
    removed = 0
    while True:
        with store.transaction() as connection:
            gone = sources.delete_under(connection, place, limit=BATCH_SIZE)
        removed += gone
        if progress:
            progress(Progress("forgetting", removed))
        if gone < BATCH_SIZE:
            break
    if store.encoder is not None:
        store.index(save=True, progress=progress)
    store.vacuum(progress)
    return removed
