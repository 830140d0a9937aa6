"""The method of `Library` that answers several queries together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.errors import QueryError
from indexer.types import ProgressCallback, require_list
from retrieval.library.answers import answer
from retrieval.library.base import BaseLibrary
from retrieval.query.query import Query, as_query
from retrieval.query.resolve_filters import with_filters
from retrieval.query.understanding.understand import Understanding, understand
from retrieval.search.engine import SearchKind, check_count, check_kind
from retrieval.search.hits import Hits
from retrieval.search.rerank.chain import Chain
from retrieval.search.rerank.protocol import Reranker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.query.part import Picture

_TOGETHER = 256
"""Queries that are encoded and searched together: this bounds the memory."""


def search_many(
    self: BaseLibrary,
    queries: NDArray[Any] | Iterable[str | Picture | Query | NDArray[Any] | Sequence[float]],
    *,
    k: int = 10,
    folder: str | os.PathLike[str] | None = None,
    after: date | str | None = None,
    before: date | str | None = None,
    where: Filter | None = None,
    kind: SearchKind = "all",
    hybrid: bool = True,
    rerank: Sequence[str | Reranker] = (),
    literal: bool = False,
    threshold: float | None = None,
    progress: ProgressCallback | None = None,
) -> list[Hits]:
    """Return the hits of several queries, in their order: what `search` returns for each, but faster.

    Up to 256 queries are encoded in one call of the encoder, searched in one pass over the index, and their hits are
    read from the catalog together.

    Args:
        queries: An array of vectors of the library's encoder, shape (n, d), or a list or iterator of what `search`
            takes: words, pictures, vectors and Query objects, in any mix.
        k: Number of results for each query, at least 1.
        folder: As for `search`.
        after: As for `search`.
        before: As for `search`.
        where: Only items that pass this filter, in addition to that of a Query.
        kind: As for `search`.
        hybrid: As for `search`.
        rerank: As for `search`.
        literal: As for `search`.
        threshold: As for `search`.
        progress: As for `search`.

    Raises:
        QueryError: A query cannot be used; the message says which, counted from 0.
        LibraryError: The library is empty.
    """
    check_kind(kind)
    check_count(k)
    require_list(rerank, "rerank")
    steps = self._load_rerankers(rerank)
    chain = Chain(steps, self._settings, progress) if steps else None
    filter_ = with_filters(where, folder=folder, after=after, before=before)
    understandings = _understandings(self, _each(queries), filter_, literal=literal)
    answers: list[Hits] = []
    while part := list(islice(understandings, _TOGETHER)):
        answers += answer(self, part, k=k, kind=kind, hybrid=hybrid, chain=chain)
    return answers if threshold is None else [hits.above(threshold) for hits in answers]


def _each(queries: Any) -> Iterable[Any]:
    """Return the queries one by one.

    Raises:
        QueryError: They are an array of another number of dimensions.
        TypeError: They are one text, picture or query.
    """
    require_list(queries, "queries")
    if isinstance(queries, Query) or not hasattr(queries, "__iter__"):
        raise TypeError(f"queries is {queries!r:.120}; expected a list of queries, or an array of shape (n, d)")
    if hasattr(queries, "__array__"):
        vectors = np.asarray(queries)
        if vectors.ndim != 2:
            raise QueryError(f"the queries are an array of shape {vectors.shape}; expected vectors of shape (n, d)")
        return cast("Iterable[Any]", vectors)
    return cast("Iterable[Any]", queries)


def _understandings(
    self: BaseLibrary, queries: Iterable[Any], where: Filter | None, *, literal: bool
) -> Iterator[Understanding]:
    """Yield the queries as they are understood.

    Raises:
        QueryError: A query cannot be used.
    """
    resolved: dict[Filter | None, Query] = {}  # a query with each filter that was resolved
    for number, query in enumerate(queries):
        try:
            parsed = as_query(query, None, where)
            if parsed.where not in resolved:
                resolved[parsed.where] = self._resolve(parsed)
            ready = Query(parts=parsed.parts, where=resolved[parsed.where].where, excluded=parsed.excluded)
        except QueryError as error:
            raise QueryError(f"query {number}: {error}") from error
        yield understand(self._store, ready, literal=literal)
