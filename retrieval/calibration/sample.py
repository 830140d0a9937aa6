"""A sample of the units of a library."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_ids
from indexer.catalog.statements import items
from indexer.store import Store
from indexer.types import Ids, Modality, Vectors
from indexer.vectors.base import VectorIndex, evenly_spaced

_SIZE = 2048
"""Number of units of each kind, evenly spaced over their ids."""

_FIRST_LOOK = 5000
"""Number of units of all kinds that are searched for a kind first: 10 ms; listing a kind of millions takes seconds."""

_CHECKED = 512
"""Number of them that are checked against a filter: 1 ms."""

_MAX_CACHED = 64
"""Number of filters whose rows are cached."""


@dataclass(frozen=True, slots=True)
class KindSample:
    """Units of one kind.

    Attributes:
        ids: Their ids, shape (s,), ascending.
        vectors: Their unit vectors, shape (s, d).
        population: Number of units of this kind in the library; an estimate if they are many.
    """

    ids: Ids
    vectors: Vectors
    population: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Units of a library by kind.

    Attributes:
        kinds: The sample of each kind.
        state: The state of the library: number of units, last id and encoder's fingerprint.
        passing: Rows of a kind's sample that pass a filter, by kind and filter.
    """

    kinds: dict[Modality, KindSample]
    state: tuple[int, int, str]
    passing: dict[tuple[Modality, Filter], Ids] = field(default_factory=dict)


def read_sample(store: Store, former: Sample | None) -> Sample:
    """Return a sample of the library's current units; the former one if the library has not changed.

    The same library always gives the same sample.
    """
    encoder = store.encoder
    with store.locked_index() as index:
        state = (len(index), int(index.spread_ids(2)[-1]) if len(index) else 0, store.fingerprint)
        if former is not None and former.state == state:
            return former
        kinds = {}
        for kind in Modality:
            drawn, population = np.empty(0, dtype=np.int64), 0
            if encoder is not None:
                with store.reading() as connection:
                    drawn, population = _draw(connection, encoder.id, index, kind)
            kinds[kind] = KindSample(drawn, index.vectors(drawn), population)
    return Sample(kinds, state)


def passing_rows(store: Store, sample: Sample, kind: Modality, where: Filter) -> tuple[Ids, int]:
    """Return the rows of a kind's sample that pass a filter, of at most `_CHECKED` rows, and how many were checked."""
    ids = sample.kinds[kind].ids
    rows = evenly_spaced(np.arange(len(ids), dtype=np.int64), _CHECKED)
    key = (kind, where)
    if key not in sample.passing:
        if len(sample.passing) >= _MAX_CACHED:
            sample.passing.clear()
        with store.reading() as connection:
            matching = filter_ids(connection, ids[rows].tolist(), where)
        sample.passing[key] = rows[[id_ in matching for id_ in ids[rows].tolist()]]
    return sample.passing[key], len(rows)


def _draw(connection: Connection, encoder_id: int, index: VectorIndex, kind: Modality) -> tuple[Ids, int]:
    """Return `_SIZE` units of a kind, evenly spaced over their ids, all if there are fewer; and how many there are.

    A few thousand of all units contain enough of a kind that is not rare; of a rare kind all are listed.
    """
    first = index.spread_ids(_FIRST_LOOK)
    is_kind = Filter.kind(kind)
    pages = (first[start : start + items.PAGE_SIZE].tolist() for start in range(0, len(first), items.PAGE_SIZE))
    matching = np.array(sorted(id_ for page in pages for id_ in filter_ids(connection, page, is_kind)), dtype=np.int64)
    population = round(len(matching) / max(len(first), 1) * len(index))
    if len(matching) < _SIZE // 8 and len(first) < len(index) and items.has_kind(connection, kind):
        matching = matching_ids(connection, encoder_id, is_kind)
        matching = matching[index.contains(matching)]
        population = len(matching)
    return evenly_spaced(matching, _SIZE), population
