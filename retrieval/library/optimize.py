"""Choice of a library's index, measured with words and with photos of the library as queries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import RecallError, StorageError
from indexer.maintenance.optimize import DEFAULT_RECALL, index_settings, is_due, note_failure, optimize
from indexer.store import Store
from indexer.types import ProgressCallback
from indexer.vectors.base import VectorIndex
from indexer.vectors.measurements import HoldoutQueries, IndexChoice, IndexTarget
from retrieval.calibration.background import background_vectors

logger = logging.getLogger(__name__)

UNITS = 300
"""Number of units, evenly spaced over the library, whose vectors are queries; about the number of text prompts."""


def choose_index(
    store: Store, load: Callable[[], Encoder], *, target: IndexTarget, progress: ProgressCallback | None = None
) -> IndexChoice:
    """Return the index that was chosen for a library; see `indexer.maintenance.optimize.optimize`.

    Args:
        store: The library; its write lock must be held.
        load: Returns the encoder of its queries.
        target: What the index has to reach.
        progress: Called with the progress.
    """

    def queries(index: VectorIndex) -> Mapping[str, HoldoutQueries]:
        rows = np.unique(np.linspace(0, len(index) - 1, min(UNITS, len(index))).astype(np.int64))
        ids = index.ids[rows]
        return {"texts": HoldoutQueries(background_vectors(load())), "units": HoldoutQueries(index.vectors(ids), ids)}

    return optimize(store, queries, target=target, progress=progress)


def choose_index_if_due(
    store: Store, load: Callable[[], Encoder], *, progress: ProgressCallback | None = None
) -> IndexChoice | None:
    """Return the index that was chosen if that was due, for the target of the last choice; else None."""
    if not is_due(store):
        return None
    last = index_settings(store)
    target = IndexTarget(DEFAULT_RECALL) if last is None else IndexTarget(last.recall, last.memory)
    try:
        return choose_index(store, load, target=target, progress=progress)
    except RecallError as error:  # searching works without
        logger.warning("no faster index was chosen: %s", error)
        if not isinstance(error, StorageError):  # a full disk may have space tomorrow
            note_failure(store, target)
        return None
