"""Some units of a library that stand for all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_ids
from indexer.catalog.statements import items
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors

SIZE = 256
"""Units of a kind that are drawn, evenly over their ids."""

WIDE = 5000
"""Units of all kinds among which they are looked for first: this takes 10 ms, to list a kind of millions seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Units of a library by kind.

    Attributes:
        photos: Unit vectors, shape (p, d).
        texts: Unit vectors, shape (t, d).
        state: What the library held: number of units and last id, and of which encoder.
    """

    photos: Vectors
    texts: Vectors
    state: tuple[int, int, str]

    def of(self, kind: Modality) -> Vectors:
        """Return the units of a kind."""
        return self.photos if kind is Modality.PHOTO else self.texts


def read_sample(store: Store, known: Sample | None) -> Sample:
    """Return a sample of what the library holds now: the known one where nothing has changed.

    The same library always gives the same sample.
    """
    encoder = store.encoder
    with store.locked_index() as index:
        ids = index.ids
        state = (len(ids), int(ids[-1]) if len(ids) else 0, store.fingerprint)
        if known is not None and known.state == state:
            return known
        if encoder is None:
            drawn = dict.fromkeys(Modality, ids[:0])
        else:
            with store.reading() as connection:
                drawn = {kind: _drawn(connection, encoder.id, ids, kind) for kind in Modality}
        photos, texts = (index.vectors(drawn[kind]) for kind in (Modality.PHOTO, Modality.TEXT))
    return Sample(photos, texts, state)


def _drawn(connection: Connection, encoder_id: int, ids: Ids, kind: Modality) -> Ids:
    """Return `SIZE` units of a kind, evenly over their ids; all where there are fewer.

    Of a kind that is not rare, enough are among a few thousand of all units; the others are listed.
    """
    some = _evenly(ids, WIDE)
    alike = Filter.kind(kind)
    parts = (some[start : start + items.PAGE_SIZE].tolist() for start in range(0, len(some), items.PAGE_SIZE))
    found = np.array(sorted(id_ for part in parts for id_ in filter_ids(connection, part, alike)), dtype=np.int64)
    if len(found) < SIZE and len(some) < len(ids) and items.has_kind(connection, kind):
        found = np.intersect1d(matching_ids(connection, encoder_id, alike), ids, assume_unique=True)
    return _evenly(found, SIZE)


def _evenly(ids: Ids, count: int) -> Ids:
    """Return so many of some ids, evenly over them; all where there are fewer."""
    return ids[np.unique(np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(np.int64))]
