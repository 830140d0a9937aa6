"""A sample of the units of a library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_ids
from indexer.catalog.statements import items
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors

_SIZE = 256
"""Number of units of each kind, evenly spaced over their ids."""

_FIRST_LOOK = 5000
"""Number of units of all kinds that are searched for a kind first: 10 ms; listing a kind of millions takes seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Units of a library by kind.

    Attributes:
        photos: Unit vectors, shape (p, d).
        texts: Unit vectors, shape (t, d).
        state: The state of the library: number of units, last id and encoder's fingerprint.
    """

    photos: Vectors
    texts: Vectors
    state: tuple[int, int, str]

    def of_kind(self, kind: Modality) -> Vectors:
        """Return the units of a kind."""
        return self.photos if kind is Modality.PHOTO else self.texts


def read_sample(store: Store, former: Sample | None) -> Sample:
    """Return a sample of the library's current units; the former one if the library has not changed.

    The same library always gives the same sample.
    """
    encoder = store.encoder
    with store.locked_index() as index:
        ids = index.ids
        state = (len(ids), int(ids[-1]) if len(ids) else 0, store.fingerprint)
        if former is not None and former.state == state:
            return former
        if encoder is None:
            drawn = dict.fromkeys(Modality, ids[:0])
        else:
            with store.reading() as connection:
                drawn = {kind: _draw(connection, encoder.id, ids, kind) for kind in Modality}
        photos, texts = (index.vectors(drawn[kind]) for kind in (Modality.PHOTO, Modality.TEXT))
    return Sample(photos, texts, state)


def _draw(connection: Connection, encoder_id: int, ids: Ids, kind: Modality) -> Ids:
    """Return `_SIZE` units of a kind, evenly spaced over their ids; all if there are fewer.

    A few thousand of all units contain enough of a kind that is not rare; of a rare kind all are listed.
    """
    first = _evenly_spaced(ids, _FIRST_LOOK)
    is_kind = Filter.kind(kind)
    pages = (first[start : start + items.PAGE_SIZE].tolist() for start in range(0, len(first), items.PAGE_SIZE))
    matching = np.array(sorted(id_ for page in pages for id_ in filter_ids(connection, page, is_kind)), dtype=np.int64)
    if len(matching) < _SIZE and len(first) < len(ids) and items.has_kind(connection, kind):
        matching = np.intersect1d(matching_ids(connection, encoder_id, is_kind), ids, assume_unique=True)
    return _evenly_spaced(matching, _SIZE)


def _evenly_spaced(ids: Ids, count: int) -> Ids:
    """Return `count` of the ids, evenly spaced; all if there are fewer."""
    return ids[np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(np.int64))]
