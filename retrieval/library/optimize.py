"""Has a library's index chosen by queries that are like those of people: words, and photos."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import RecallError, StorageError
from indexer.maintenance.optimize import RECALL, index_settings, is_due, note_failure, optimize
from indexer.store import Store
from indexer.types import ProgressCallback
from indexer.vectors.base import VectorIndex
from indexer.vectors.measurements import HoldoutQueries, IndexChoice, IndexTarget
from retrieval.calibration.background import background

logger = logging.getLogger(__name__)

UNITS = 300
"""Units of the library, evenly over it, that are looked for by their vectors; about as many as there are prompts."""


def choose_index(
    store: Store, load: Callable[[], Encoder], *, asked: IndexTarget, progress: ProgressCallback | None = None
) -> IndexChoice:
    """Return the index that was chosen for a library; see `indexer.maintenance.optimize.optimize`.

    Args:
        store: The library; its write lock must be held.
        load: Gives the encoder of its queries.
        asked: What the index has to be.
        progress: Called with how far it has come.
    """

    def queries(index: VectorIndex) -> Mapping[str, HoldoutQueries]:
        rows = np.unique(np.linspace(0, len(index) - 1, min(UNITS, len(index))).astype(np.int64))
        own = index.ids[rows]
        return {"words": HoldoutQueries(background(load())), "units": HoldoutQueries(index.vectors(own), own)}

    return optimize(store, queries, asked=asked, progress=progress)


def renew_index(
    store: Store, load: Callable[[], Encoder], *, progress: ProgressCallback | None = None
) -> IndexChoice | None:
    """Return the index that was chosen anew where that was due, else None; what was asked for before is asked again."""
    if not is_due(store):
        return None
    wish = index_settings(store)
    asked = IndexTarget(RECALL) if wish is None else IndexTarget(wish.recall, wish.memory)
    try:
        return choose_index(store, load, asked=asked, progress=progress)
    except RecallError as error:  # what was indexed is found all the same
        logger.warning("no faster index was chosen: %s", error)
        if not isinstance(error, StorageError):  # a disk may have room tomorrow
            note_failure(store, asked)
        return None
