"""Several queries that are searched together: one search of the index and one read of details for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from indexer.catalog.statements.items import ItemDetails, item_details
from indexer.types import Vectors
from indexer.vectors.base import Allowed, Condition, Neighbors, VectorIndex


@dataclass(frozen=True, slots=True)
class _Round:
    """What one search of the index found for all queries.

    Attributes:
        allowed: What could be found; None for all.
        count: Number of results.
        nearest: The results.
    """

    allowed: Allowed | None
    count: int
    nearest: Neighbors

    def allows(self, allowed: Allowed | None) -> bool:
        """Return whether the same could be found."""
        if isinstance(allowed, Condition) and isinstance(self.allowed, Condition):
            return self.allowed == allowed
        return self.allowed is allowed


class QueryBatch:
    """The vectors of queries with one filter, and what was found for them so far; for one thread.

    The first search of a query searches the index for all of them. So each gets what it would get alone, since the
    scores of an index do not depend on the other queries. If it changes meanwhile, it is searched for all of them
    again; an index in a server, which changes with each commit, is searched for one query at a time from then on.
    """

    def __init__(self, vectors: Vectors) -> None:
        """Prepare a batch of queries, unit vectors of shape (q, d)."""
        self._vectors = vectors
        self._rounds: list[_Round] = []
        self._unread: _Round | None = None
        self._details: dict[int, ItemDetails | None] = {}
        self._state: object = None  # of the index that was searched
        self._is_alone = False  # whether each of the remaining queries is searched alone

    def search(self, index: VectorIndex, row: int, count: int, allowed: Allowed | None) -> Neighbors:
        """Return the nearest units of the query of a row; see `VectorIndex.search`."""
        if index.state is not self._state:  # it has changed
            self._is_alone = index.is_in_server and self._state is not None  # each commit changes it there
            self._rounds, self._unread, self._details, self._state = [], None, {}, index.state
        if self._is_alone:
            return index.search(self._vectors[row : row + 1], count, allowed=allowed)
        found = next((found for found in self._rounds if found.allows(allowed)), None)
        if found is None:
            found = self._unread = _Round(allowed, count, index.search(self._vectors, count, allowed=allowed))
            self._rounds.append(found)
        if found.count != count:  # this query alone needs more
            return index.search(self._vectors[row : row + 1], count, allowed=allowed)
        return Neighbors(found.nearest.ids[row : row + 1], found.nearest.scores[row : row + 1])

    def details(self, connection: Connection, ids: Sequence[int]) -> dict[int, ItemDetails]:
        """Return items with their unit by embedding id, see `item_details`; as many are read for the other queries."""
        missing = {id_ for id_ in ids if id_ not in self._details}
        if missing and self._unread is not None:
            missing.update(self._unread.nearest.ids[:, : len(ids)].ravel().tolist())
            self._unread = None
        missing -= {-1, *self._details}
        if missing:
            self._details |= dict.fromkeys(missing) | item_details(connection, sorted(missing))
        return {id_: item for id_ in ids if (item := self._details[id_]) is not None}


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One query of a batch.

    Attributes:
        batch: The batch.
        row: The row of the query.
    """

    batch: QueryBatch
    row: int
