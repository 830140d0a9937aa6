"""The units nearest to a query among those that a filter keeps: never one too few."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import filter_ids, matching_ids, matching_ids_up_to
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex

FEW = 1200
"""Where a filter keeps less than this, exactly that is searched: to score it takes a millisecond or two."""

AHEAD = 16
"""Units that are looked at for each that is wanted where a filter keeps more: enough where it keeps a twelfth."""

STEP = 4
"""Units of these that the filter is asked about first, for each that is wanted: enough where it keeps a third."""

REMEMBERED = 64
"""Filters of which it is remembered whether they keep little, and what: half a megabyte at most."""

MANY = 1_000_000
"""Units beyond which it is not remembered which they are: 8 MB."""

LARGE = 4
"""Filters that keep more, and of which it is remembered what: such as the kinds of a library of photos and texts."""


class FilteredSearch:
    """Finds the nearest units of one query that a filter keeps."""

    def __init__(
        self,
        index: VectorIndex,
        connection: Connection,
        encoder_id: int,
        query: Vectors,
        where: Filter | None,
        *,
        cached: dict[Filter, Ids | None],
    ) -> None:
        """Remember what is searched.

        Args:
            index: The index of the encoder's embeddings.
            connection: Of the catalog.
            encoder_id: The encoder.
            query: Unit vector, shape (d,).
            where: What is kept; None keeps all.
            cached: See `Store.filter_cache`; added to.
        """
        self._index, self._connection, self._encoder_id = index, connection, encoder_id
        self._query, self._where = query, where
        self._cached = cached
        self._allowed: Ids | None = None

    @property
    def searched(self) -> int:
        """How many units are searched: those that the filter keeps where that is known, else all."""
        return len(self._index) if self._allowed is None else len(self._allowed)

    def best(self, wanted: int, depth: int = 0) -> tuple[Ids, Vectors]:
        """Return ids and scores of the nearest units, (n,) each, best first, ties by id; all where there are fewer.

        What a filter keeps is searched exactly where it is little. Where it is much, the nearest of all are likely to
        have enough of it among them; then nobody has to know what else the filter keeps.

        Args:
            wanted: How many, at least 1.
            depth: As many as this where they cost nothing.
        """
        if self._where is None:
            return self._search(max(wanted, depth))
        if self._allowed is None:
            self._allowed = self._few(self._where)
        if self._allowed is None:
            found = self._among_the_nearest(wanted, self._where)
            if found is not None:
                return found
            self._allowed = self._kept(self._where)
        return self._search(max(wanted, depth), self._allowed)

    def _few(self, where: Filter) -> Ids | None:
        """Return what a filter keeps where that is little, else None."""
        if where not in self._cached:
            self._remember(where, matching_ids_up_to(self._connection, self._encoder_id, where, FEW))
        held = self._cached[where]
        return held if held is not None and len(held) < FEW else None

    def _kept(self, where: Filter) -> Ids:
        """Return what a filter keeps."""
        held = self._cached.get(where)
        if held is None:
            held = matching_ids(self._connection, self._encoder_id, where)
            self._remember(where, held if len(held) < MANY else None)
        return held

    def _remember(self, where: Filter, ids: Ids | None) -> None:
        large = sum(held is not None and len(held) >= FEW for held in self._cached.values())
        if len(self._cached) >= REMEMBERED or large >= LARGE:
            self._cached.clear()
        self._cached[where] = ids

    def _among_the_nearest(self, wanted: int, where: Filter) -> tuple[Ids, Vectors] | None:
        """Return the best that a filter keeps of the very nearest units, None where these are not enough."""
        ahead = AHEAD * wanted
        if ahead >= min(PAGE_SIZE, len(self._index)):
            return None
        ids, scores = self._search(ahead)
        rows: list[int] = []
        for start, end in ((0, STEP * wanted), (STEP * wanted, ahead)):
            step = ids[start:end].tolist()
            passing = filter_ids(self._connection, step, where)
            rows += [start + place for place, id_ in enumerate(step) if id_ in passing]
            if len(rows) >= wanted:
                return ids[rows[:wanted]], scores[rows[:wanted]]
            if AHEAD // STEP * len(rows) < wanted // 2:
                break  # so few that the others will not have the rest
        return None

    def _search(self, wanted: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        wanted = min(wanted, len(self._index) if allowed is None else len(allowed))
        if not wanted:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        nearest = self._index.search(self._query[None], wanted, allowed=allowed)
        held = nearest.ids[0] != -1
        return nearest.ids[0][held], nearest.scores[0][held]
