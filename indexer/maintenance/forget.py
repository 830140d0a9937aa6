"""Delete items from a library in batches."""

from __future__ import annotations

from indexer.catalog.statements import sources
from indexer.store import Store
from indexer.types import Progress, ProgressCallback

BATCH_SIZE = 5000
"""Items deleted per transaction: it takes 0.2 s, for which readers and checkpoints of the log wait."""


def forget(store: Store, path: str, *, progress: ProgressCallback | None = None) -> int:
    """Delete the items at or under a path from a library, and return how many there were.

    An interrupted run has deleted some of them; their sources are deleted with the last items.

    Args:
        store: The library; the caller holds its write lock.
        path: The path as the library stores it.
        progress: Called with the number of items deleted so far.
    """
    total = 0
    while True:
        with store.transaction() as connection:
            deleted = sources.delete_under(connection, path, limit=BATCH_SIZE)
        total += deleted
        if progress:
            progress(Progress("forgetting", total))
        if deleted < BATCH_SIZE:
            break
    if store.encoder is not None:
        store.index(save=True, progress=progress)
    store.vacuum(progress)
    return total
