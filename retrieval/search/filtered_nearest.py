"""The units nearest to a query that pass a filter: never fewer than exist."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_ids, matching_ids_up_to
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex
from retrieval.search.query_batch import BatchRow

_FEW_MATCHES = 1200
"""If fewer units pass a filter, exactly these are searched; scoring them takes one or two milliseconds."""

_LOOK_AHEAD = 16
"""Nearest units that are checked against a filter for each result; enough if a twelfth of the library passes it."""

_FIRST_STEP = 4
"""How many of these are checked first, for each result; enough if a third of the library passes."""

_MAX_CACHED = 64
"""Number of filters whose matching ids are cached, or the fact that there are many: half a megabyte at most."""

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
        cached: dict[Filter, Ids | None],
        batch: BatchRow | None = None,
    ) -> None:
        """Prepare a search.

        Args:
            index: The index of the encoder's embeddings.
            connection: Connection to the catalog.
            encoder_id: Id of the encoder.
            query: Unit vector, shape (d,).
            where: The filter; None lets everything pass.
            cached: Matching ids by filter, see `Store.filter_cache`; it is updated.
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
        nearest of all units, and the other matches need not be listed.

        Args:
            count: Number of units, at least 1.
            depth: Number of units that are returned if they take no additional work.
        """
        if self._where is None:
            return self._search(max(count, depth))
        if self._allowed is None:
            self._allowed = self._few_matches(self._where)
        if self._allowed is None:
            nearest = self._matches_among_nearest(count, self._where)
            if nearest is not None:
                return nearest
            self._allowed = self._all_matches(self._where)
        return self._search(max(count, depth), self._allowed)

    def _few_matches(self, where: Filter) -> Ids | None:
        """Return the ids that pass a filter if they are few, else None."""
        if where not in self._cached:
            self._cache(where, matching_ids_up_to(self._connection, self._encoder_id, where, _FEW_MATCHES))
        ids = self._cached[where]
        return ids if ids is not None and len(ids) < _FEW_MATCHES else None

    def _all_matches(self, where: Filter) -> Ids:
        """Return the ids that pass a filter."""
        ids = self._cached.get(where)
        if ids is None:
            ids = matching_ids(self._connection, self._encoder_id, where)
            self._cache(where, ids if len(ids) < _MAX_CACHED_IDS else None)
        return ids

    def _cache(self, where: Filter, ids: Ids | None) -> None:
        """Cache the ids that pass a filter, None for many; clear the cache first if it is full."""
        large = sum(cached is not None and len(cached) >= _FEW_MATCHES for cached in self._cached.values())
        if len(self._cached) >= _MAX_CACHED or large >= _MAX_LARGE:
            self._cached.clear()
        self._cached[where] = ids

    def _matches_among_nearest(self, count: int, where: Filter) -> tuple[Ids, Vectors] | None:
        """Return the best units that pass a filter of the nearest units of all; None if these are not enough."""
        ahead = _LOOK_AHEAD * count
        if ahead >= min(PAGE_SIZE, len(self._index)):
            return None
        ids, scores = self._search(ahead)
        rows: list[int] = []
        for start, end in ((0, _FIRST_STEP * count), (_FIRST_STEP * count, ahead)):
            step = ids[start:end].tolist()
            matching = filter_ids(self._connection, step, where)
            rows += [row for row, id_ in enumerate(step, start) if id_ in matching]
            if len(rows) >= count:
                return ids[rows[:count]], scores[rows[:count]]
            if _LOOK_AHEAD // _FIRST_STEP * len(rows) < count // 2:
                break  # so few pass that the second step will not find the others
        return None

    def _search(self, count: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return ids and scores of the nearest units of the index."""
        count = min(count, len(self._index) if allowed is None else len(allowed))
        if not count:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        if self._batch is None:
            nearest = self._index.search(self._query[None], count, allowed=allowed)
        else:
            nearest = self._batch.batch.search(self._index, self._batch.row, count, allowed)
        is_found = nearest.ids[0] != -1
        return nearest.ids[0][is_found], nearest.scores[0][is_found]
