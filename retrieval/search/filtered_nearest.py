"""The units nearest to a query that pass a filter: never fewer than exist."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_condition, matching_ids, matching_ids_up_to
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import FilterMatches, Ids, Vectors
from indexer.vectors.base import Allowed, Condition, VectorIndex
from retrieval.search.query_batch import BatchRow

_SAMPLE = 64
"""Units, spread over the library, that are checked against a new filter to estimate the share that passes."""

_FEW_SHARE = 0.05
"""Where a smaller share passes, listing up to `_FEW_MATCHES` is faster than checking the nearest units."""

_VERY_FEW = 1200
"""If about so many units pass a filter, exactly these are listed and searched: two milliseconds for a thousand."""

_FEW_MATCHES = 6000
"""More are not listed, unless too few of them are among the nearest."""

_LOOK_AHEAD = (1, 2, 4)
"""Nearest units that are checked against a filter: those among which enough are expected to pass, then more."""

_MAX_CACHED = 64
"""Number of filters of which something is cached: 3 MB at most, besides the large lists."""

_MAX_CACHED_IDS = 1_000_000
"""Larger lists of matching ids are not cached: 8 MB."""

_MAX_LARGE = 4
"""Number of cached lists with `_FEW_MATCHES` ids or more, such as those of all photos and of all texts."""


class FilteredSearch:
    """Finds the nearest units for one query and one filter."""

    def __init__(
        self,
        index: VectorIndex,
        connection: Connection,
        encoder_id: int,
        query: Vectors,
        where: Filter | None,
        *,
        cached: dict[Filter, FilterMatches],
        batch: BatchRow | None = None,
    ) -> None:
        """Prepare a search.

        Args:
            index: The index of the encoder's embeddings.
            connection: Connection to the catalog.
            encoder_id: Id of the encoder.
            query: Unit vector, shape (d,).
            where: The filter; None lets everything pass.
            cached: What is known of filters, see `Store.filter_cache`; it is updated.
            batch: The query in a batch of others, if it has one.
        """
        self._index, self._connection, self._encoder_id = index, connection, encoder_id
        self._query, self._where = query, where
        self._cached, self._batch = cached, batch
        self._allowed: Ids | None = None

    @property
    def passing(self) -> int | None:
        """Number of units that pass the filter; None if only the nearest were looked at."""
        if self._where is None:
            return len(self._index)
        return None if self._allowed is None else len(self._allowed)

    def best(self, count: int, depth: int = 0) -> tuple[Ids, Vectors]:
        """Return ids and scores of the nearest units, (n,) each, best first, ties by id; all if there are fewer.

        If few units pass the filter, they are searched exactly. If many pass, enough of them are probably among the
        nearest of all units, and the other matches need not be listed. An index in a server gets the filter itself.

        Args:
            count: Number of units, at least 1.
            depth: Number of units that are returned if they take no additional work.
        """
        if self._where is None:
            return self._search(max(count, depth))
        if self._index.is_in_server:
            return self._search(count, self._condition(self._where))
        if self._allowed is None:
            share, ids = self._first_look(self._where)
            if ids is None or len(ids) >= _FEW_MATCHES:
                nearest = self._matches_among_nearest(count, self._where, share)
                if nearest is not None:
                    return nearest
            self._allowed = self._all_matches(self._where, share) if ids is None else ids
        return self._search(max(count, depth), self._allowed)

    def _condition(self, where: Filter) -> Condition:
        """Return a filter as a condition on embeddings."""

        def list_ids() -> Ids:
            return matching_ids(self._connection, self._encoder_id, where)

        return Condition(where, matching_condition(where), list_ids)

    def _first_look(self, where: Filter) -> FilterMatches:
        """Return about what share of the units passes a filter, and the ids if they are few or known already."""
        if where not in self._cached:
            share = self._estimated_share(where)
            expected = share * len(self._index)
            ids = None
            if expected < _VERY_FEW or share < 1 / _SAMPLE or (share < _FEW_SHARE and expected < _FEW_MATCHES):
                ids = matching_ids_up_to(self._connection, self._encoder_id, where, _FEW_MATCHES)
            self._cache(where, share, ids)
        return self._cached[where]

    def _estimated_share(self, where: Filter) -> float:
        """Return about what share of the units passes a filter; above zero."""
        ids = self._index.ids
        rows = np.random.default_rng(0).integers(max(len(ids), 1), size=min(_SAMPLE, len(ids)))
        sample = np.unique(ids[rows]).tolist()
        return (len(filter_ids(self._connection, sample, where)) + 0.5) / (len(sample) + 1)

    def _all_matches(self, where: Filter, share: float) -> Ids:
        """Return the ids that pass a filter; its share stays the estimate, on which queries of a batch agree."""
        ids = matching_ids(self._connection, self._encoder_id, where)
        if len(ids) < _MAX_CACHED_IDS:
            self._cache(where, share, ids)
        return ids

    def _cache(self, where: Filter, share: float, ids: Ids | None) -> None:
        """Cache what is known of a filter; clear the cache first if it is full."""
        large = sum(known is not None and len(known) >= _FEW_MATCHES for _, known in self._cached.values())
        if len(self._cached) >= _MAX_CACHED or large >= _MAX_LARGE:
            self._cached.clear()
        self._cached[where] = share, ids

    def _matches_among_nearest(self, count: int, where: Filter, share: float) -> tuple[Ids, Vectors] | None:
        """Return the best units that pass a filter of the nearest units of all; None if these are not enough."""
        ends = [math.ceil(count * factor / share) for factor in _LOOK_AHEAD]
        if ends[0] >= min(PAGE_SIZE, len(self._index)):
            return None
        ids, scores = self._search(min(ends[-1], PAGE_SIZE))
        rows: list[int] = []
        for start, end in pairwise([0, *ends]):
            step = ids[start:end].tolist()
            matching = filter_ids(self._connection, step, where)
            rows += [row for row, id_ in enumerate(step, start) if id_ in matching]
            if len(rows) >= count:
                return ids[rows[:count]], scores[rows[:count]]
            if len(rows) < count / 4:
                break  # so few pass that the next steps will not find the others
        return None

    def _search(self, count: int, allowed: Allowed | None = None) -> tuple[Ids, Vectors]:
        """Return ids and scores of the nearest units of the index."""
        count = min(count, len(allowed) if isinstance(allowed, np.ndarray) else len(self._index))
        if not count:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        if self._batch is None:
            nearest = self._index.search(self._query[None], count, allowed=allowed)
        else:
            nearest = self._batch.batch.search(self._index, self._batch.row, count, allowed)
        is_found = nearest.ids[0] != -1
        return nearest.ids[0][is_found], nearest.scores[0][is_found]
