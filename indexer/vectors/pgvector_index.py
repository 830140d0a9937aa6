"""Search in a PostgreSQL server: pgvector's HNSW graph names candidates there, and exact cosines rank them here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text

from indexer.types import Ids, Vectors
from indexer.vectors.base import (
    Allowed,
    Condition,
    HalfVectors,
    Neighbors,
    check_search,
    from_half,
    inner_products,
    is_certainly_worse,
    top_k,
)
from indexer.vectors.measurements import SearchDepth
from indexer.vectors.pgvector_table import ServerVectors, read_ids

_MOST_COMPARED = 150_000
"""Up to so many vectors behind a filter are all compared, which takes 4 microseconds each (384 numbers, one core).

The graph is not asked for them. Of 200,003 vectors behind filters that keep 50 and 10 %, the 1,000 that it named held
.991 to 1.000 of the ten best, in half of the time; with 3 % there were too few, and .98.
"""

_DEEPEST = SearchDepth(results=802, probes=1000, refine=1000)
"""As deep as pgvector searches a graph; 1,000 is the highest value of hnsw.ef_search.

A search for 800 items requests two units more.
"""

_EXTRA_CANDIDATES = 16
"""Vectors that are read in addition to the requested results, at least: an eighth more for many results."""

_MAX_PASSING = 64
"""Number of conditions whose count is kept."""

_ALWAYS_BY_GRAPH = text("SET LOCAL enable_sort = off")
_AS_BEFORE = text("SET LOCAL enable_sort = DEFAULT")
_DEPTH = text("SELECT set_config('hnsw.ef_search', :probes, true)")


@dataclass(slots=True)
class KnownVectors:
    """What was read of one state of the table, for all searches of that state.

    Attributes:
        count: Number of vectors.
        passing: Number of those that pass a condition, by its key, counted up to `_MOST_COMPARED` + 1; cleared when it
            is full.
        spread: Evenly spaced ids, by their number.
    """

    count: int | None = None
    passing: dict[Hashable, int] = field(default_factory=dict)
    spread: dict[int, Ids] = field(default_factory=dict)


class PgvectorIndex:
    """A `VectorIndex` over a table of the server, which it only reads: nothing of it is kept here.

    The graph finds most of the best vectors. Searches behind a filter that keeps few, for more results than the graph
    can name, and those that it names too few for compare all vectors in the server, so that k results come back
    whenever there are so many. pgvector's iterative scans are not used: behind filters they missed up to four fifths of
    the best.
    """

    is_in_server = True

    def __init__(
        self,
        stored: ServerVectors,
        reading: Callable[[], AbstractContextManager[Connection]],
        *,
        depths: Sequence[SearchDepth] = (),
        known: KnownVectors | None = None,
    ) -> None:
        """Open an index.

        Args:
            stored: The vectors.
            reading: Returns a block with a connection in a transaction.
            depths: Search depths of the graph by ascending number of results; `probes` is hnsw.ef_search. Without any,
                each search compares all vectors.
            known: What is known of the state that the connections see; None if they may see several.
        """
        self._stored, self._reading, self._depths = stored, reading, depths
        self._known = KnownVectors() if known is None else known

    def at_depths(self, depths: Sequence[SearchDepth]) -> PgvectorIndex:
        """Return the index with other search depths."""
        return PgvectorIndex(self._stored, self._reading, depths=depths, known=self._known)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._stored.dim

    @property
    def state(self) -> object:
        """The same object as long as no vector is added or removed."""
        return self._known

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,); they are read each time."""
        with self._reading() as connection:
            return read_ids(connection, self._stored.select(self._stored.ids).order_by(self._stored.ids))

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return for each id whether it is in the index; see `VectorIndex.contains`."""
        with self._reading() as connection:
            statement = self._stored.select(self._stored.ids).where(self._stored.among_ids(ids))
            return np.isin(ids, read_ids(connection, statement))

    def spread_ids(self, count: int) -> Ids:
        """Return about `count` of the ids; see `VectorIndex.spread_ids`. Where ids are missing there are fewer."""
        if len(self) <= count:
            return self.ids
        if count not in self._known.spread:
            with self._reading() as connection:
                self._known.spread[count] = self._stored.spread_ids(connection, count)
        return self._known.spread[count]

    def __len__(self) -> int:
        if self._known.count is None:
            with self._reading() as connection:
                self._known.count = connection.scalar(self._stored.select(func.count())) or 0
        return self._known.count

    def vectors(self, ids: Ids) -> Vectors:
        """Return vectors by id, shape (n, dim), unit length; see `VectorIndex.vectors`."""
        return from_half(self.half_vectors(ids))

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return vectors by id as they are stored, shape (n, dim), float16; see `VectorIndex.half_vectors`."""
        with self._reading() as connection:
            found, rows = self._stored.existing(connection, ids)
        if len(found) != len(ids):
            raise KeyError("an id is not in the index")
        return rows

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return k ids for each query row, most of them the best; see `VectorIndex.search`."""
        queries = check_search(queries, k, self.dim)
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        with self._reading() as connection:
            for row, query in enumerate(queries):
                ids[row], scores[row] = self._best(connection, query, k, allowed)
        return Neighbors(ids, scores)

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the given ids that are in the index, and their cosines with a query; see `VectorIndex.score`."""
        with self._reading() as connection:
            found, rows = self._stored.existing(connection, ids)
        return found, inner_products(query, from_half(rows))

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        """Return the ids that the graph names for each query, shape (q, count), likely best first; -1 if too few.

        The server answers from the graph even if there are so few vectors that it would rather compare all.

        Args:
            queries: Unit vectors, shape (q, dim), float32.
            count: Candidates per query.
            probes: The depth of the search, hnsw.ef_search.
        """
        ids = np.full((len(queries), count), -1, dtype=np.int64)
        with self._reading() as connection:
            connection.execute(_DEPTH, {"probes": str(probes)})
            connection.execute(_ALWAYS_BY_GRAPH)
            for row, query in enumerate(queries):
                found = read_ids(connection, self._stored.nearest_by_graph(self._stored.ids).limit(count), query)
                ids[row, : len(found)] = found
            connection.execute(_AS_BEFORE)
        return ids

    def _best(self, connection: Connection, query: Vectors, k: int, allowed: Allowed | None) -> tuple[Ids, Vectors]:
        """Return the best ids of one query and their scores, (k,) each, padded."""
        for depth in self._depths_for(connection, k, allowed):
            found = self._by_graph(connection, query, k, depth, allowed)
            if found is not None:
                return found
        return self._by_comparing(connection, query, k, allowed)

    def _depths_for(self, connection: Connection, k: int, allowed: Allowed | None) -> Sequence[SearchDepth]:
        """Return the depths at which the graph is to be searched, one after the other, before all are compared."""
        if not self._depths or k > _DEEPEST.results:
            return ()
        if allowed is None:
            first = next((depth for depth in self._depths if k <= depth.results), _DEEPEST)
            return (first, _DEEPEST) if first != _DEEPEST else (first,)
        if isinstance(allowed, Condition) and self._passing(connection, allowed) > _MOST_COMPARED:
            return (_DEEPEST,)
        return ()

    def _passing(self, connection: Connection, allowed: Condition) -> int:
        """Return how many vectors pass a condition, counted up to `_MOST_COMPARED` + 1."""
        passing = self._known.passing
        count = passing.get(allowed.key)
        if count is None:
            rows = self._stored.select(self._stored.ids).where(allowed.clause).limit(_MOST_COMPARED + 1).subquery()
            count = connection.scalar(select(func.count()).select_from(rows)) or 0
            if len(passing) >= _MAX_PASSING:
                passing.clear()
            passing[allowed.key] = count
        return count

    def _by_graph(
        self, connection: Connection, query: Vectors, k: int, depth: SearchDepth, allowed: Allowed | None
    ) -> tuple[Ids, Vectors] | None:
        """Return the best of the candidates that the graph names, (k,) each.

        None if there may be others: fewer than k pass, or the last candidate is as good as the last result.
        """
        connection.execute(_DEPTH, {"probes": str(depth.probes)})
        columns = (self._stored.ids, self._stored.vectors)
        if allowed is None:
            statement = self._stored.nearest_by_graph(*columns).limit(depth.refine)
        else:
            named = self._stored.nearest_by_graph(columns[0]).limit(depth.refine).cte("named")
            named = named.prefix_with("MATERIALIZED")  # else the condition would be checked within
            is_named = columns[0].in_(select(named.c[0]))
            statement = self._stored.select(*columns).where(is_named, self._stored.allowed(allowed))
        ids, rows = self._stored.read(connection, statement, query)
        if len(ids) < k:
            return None
        scores = inner_products(query, from_half(rows))
        ordered = np.sort(scores)[::-1]
        if allowed is None and len(ids) > 1 and ordered[min(k - 1, len(ids) - 2)] == ordered[-1]:
            return None
        return top_k(ids, scores, k)

    def _by_comparing(
        self, connection: Connection, query: Vectors, k: int, allowed: Allowed | None
    ) -> tuple[Ids, Vectors]:
        """Return the best of all vectors, (k,) each, by comparing each of them with the query in the server.

        The server's products are off by the rounding of the query to 16 bits (Cauchy-Schwarz) and of 2d float32
        operations (Higham 2002, 3.1), so as many are read as certainly contain the best, with all ties of the last one.
        """
        length = float(np.linalg.norm(query))
        rounded = float(np.linalg.norm(query - query.astype(np.float16).astype(np.float32)))
        error = rounded * 1.001 + 4 * self.dim * 2.0**-24 * length
        statement = self._stored.nearest_of_all(self._stored.ids, self._stored.vectors)
        if allowed is not None:
            statement = statement.where(self._stored.allowed(allowed))
        wanted = k + max(_EXTRA_CANDIDATES, k // 8)
        while True:
            ids, rows = self._stored.read(connection, statement.limit(wanted), query)
            if len(ids) == wanted:
                products = np.sort(inner_products(query, rows.astype(np.float32)))[::-1]
                if not is_certainly_worse(float(products[-1]), float(products[k - 1]), error=error):
                    wanted *= 4
                    continue
            return top_k(ids, inner_products(query, from_half(rows)), k)
