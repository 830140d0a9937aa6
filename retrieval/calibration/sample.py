"""Some units of a library that stand for all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.catalog import queries
from indexer.store import Store
from indexer.types import Modality, Vectors

SIZE = 256
"""Units that are drawn, evenly over their ids."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Units of a library by kind.

    Attributes:
        photos: Unit vectors, shape (p, d).
        texts: Unit vectors, shape (t, d).
        state: What the library held: number of units and last id.
    """

    photos: Vectors
    texts: Vectors
    state: tuple[int, int]

    def of(self, kind: Modality) -> Vectors:
        """Return the units of a kind."""
        return self.photos if kind is Modality.PHOTO else self.texts


def read_sample(store: Store, known: Sample | None) -> Sample:
    """Return a sample of what the library holds now: the known one where nothing has changed.

    The same library always gives the same sample.
    """
    with store.searching() as index:
        ids = index.ids
        state = (len(ids), int(ids[-1]) if len(ids) else 0)
        if known is not None and known.state == state:
            return known
        drawn = ids[np.unique(np.linspace(0, len(ids) - 1, min(SIZE, len(ids))).astype(np.int64))]
        with store.reading() as connection:
            kinds = queries.found_items(connection, drawn.tolist())
        present = np.array([id_ in kinds for id_ in drawn.tolist()], dtype=bool)
        drawn = drawn[present]
        vectors = index.vectors(drawn)
        are_photos = np.array([kinds[id_].kind == Modality.PHOTO for id_ in drawn.tolist()], dtype=bool)
    return Sample(vectors[are_photos], vectors[~are_photos], state)
