"""Answers queries under one encoder, several of them together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexer.encoders.base import Encoder
from indexer.store import Store
from retrieval.library.base import BaseLibrary
from retrieval.query.embed import encode_queries, needs_encoder
from retrieval.query.encoded import EncodedQuery
from retrieval.query.query import Query
from retrieval.query.understanding.understand import Understanding
from retrieval.query.vocabulary.unknown_words import unknown_words
from retrieval.search import engine
from retrieval.search.engine import SearchKind
from retrieval.search.exclusion import exclusion_of
from retrieval.search.filter_hits import filter_hits
from retrieval.search.hits import Hits
from retrieval.search.query_batch import BatchRow, QueryBatch
from retrieval.search.rerank.chain import Chain

T = TypeVar("T")


def answer(
    self: BaseLibrary,
    understandings: Sequence[Understanding],
    *,
    k: int,
    kind: SearchKind,
    hybrid: bool,
    chain: Chain | None,
) -> list[Hits]:
    """Return the k best hits of each query as it was understood.

    Args:
        self: The library.
        understandings: The queries.
        k: Number of results for each, at least 1.
        kind: What to search.
        hybrid: Whether to use full-text search too.
        chain: Rerankers; None keeps the order.
    """
    queries = [understanding.query for understanding in understandings if understanding.query is not None]
    start_reader(self._store, queries)

    def search(query: EncodedQuery, encoder: Encoder | None, batch: BatchRow | None) -> Hits:
        exclusion = exclusion_of(query, encoder) if encoder else None
        hits = engine.search(
            self._store, query, k=k, kind=kind, hybrid=hybrid, chain=chain, calibrator=self._calibrator,
            exclusion=exclusion, batch=batch,
        )  # fmt: skip
        return _with_unknown_words(hits, self._store, query.query, encoder) if encoder else hits

    def search_all() -> list[Hits]:
        encoder = self._encoder.for_query() if any(map(needs_encoder, queries)) else None
        encoded = encode_queries(queries, encoder, store=self._store)
        return [search(query, encoder, row) for query, row in zip(encoded, _batch_rows(encoded), strict=True)]

    found = iter(under_one_encoder(self._store, search_all) if queries else ())
    answers = []
    for understanding in understandings:
        is_filter = understanding.query is None
        hits = filter_hits(self._store, understanding.where, k=k, kind=kind) if is_filter else next(found)
        hits.understood = understanding.understood
        answers.append(hits)
    return answers


def start_reader(store: Store, queries: Sequence[Query]) -> None:
    """Start the process that reads the queries' pictures, so that it becomes ready while the encoder is loaded."""
    if any(isinstance(picture, Path | bytes) for query in queries for picture in query.images):
        store.pictures.start()


def under_one_encoder(store: Store, answer: Callable[[], T]) -> T:
    """Return an answer whose query vectors and index belong to the same encoder.

    Another process may change the library's encoder or adapter while a query is encoded. Then it is asked again.
    """
    while True:
        before = store.fingerprint
        try:
            hits = answer()
        except ValueError:  # vectors of different dimensions
            if store.fingerprint == before:
                raise
        else:
            if store.fingerprint == before:
                return hits


def _batch_rows(queries: Sequence[EncodedQuery]) -> list[BatchRow | None]:
    """Return the place of each query among those with its filter; None for a query that is alone.

    Queries with vectors are apart: they have no probabilities, so that fewer of the nearest units are looked at.
    """
    groups: dict[Hashable, list[int]] = {}
    for number, query in enumerate(queries):
        groups.setdefault((query.query.where, bool(query.query.vectors)), []).append(number)
    rows: list[BatchRow | None] = [None] * len(queries)
    for numbers in groups.values():
        if len(numbers) > 1:
            batch = QueryBatch(np.stack([queries[number].vector for number in numbers]))
            for row, number in enumerate(numbers):
                rows[number] = BatchRow(batch, row)
    return rows


def _with_unknown_words(hits: Hits, store: Store, query: Query, encoder: Encoder) -> Hits:
    """Return hits that know which words of their query the encoder does not know."""
    found = {word for hit in hits for word in hit.words}
    hits.unknown_words = unknown_words(store, (*query.texts, *query.excluded), encoder, found=found)
    return hits
