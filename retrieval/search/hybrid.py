"""Hybrid search: vector search and full-text search in one order."""

from __future__ import annotations

from math import sqrt

import numpy as np

from indexer.catalog.filters.expression import Filter, where_conditions
from indexer.catalog.schema import UNITS
from indexer.catalog.statements import fulltext, items
from indexer.store import Store
from indexer.types import Modality, Vectors, isin_sorted
from indexer.vectors.base import inner_products
from retrieval.search.candidates import NO_CANDIDATES, Candidates, concat
from retrieval.search.rank_fusion import reciprocal_ranks

FUSION_DEPTH = 100
"""Ranks of each list that are fused; doubled for longer results, see `fusion_depth`."""

_FUSION_K = 10
"""The k of the fusion. The 60 of its paper is for systems that agree on most results; vector and full-text search do
not. Of 10, 20 and 60 this was the best at every depth on one half of the queries of `tests/bench/hybrid.py`, which
reports on the other half."""


def fusion_depth(count: int) -> int:
    """Return the number of ranks of each list that are fused for this number of results.

    Lists are fused in levels: the order of the first `FUSION_DEPTH` ranks stays in front of the order of twice as many
    ranks, and so on. So the order does not depend on the number of results, and pages fit together.
    """
    depth = FUSION_DEPTH
    while depth < count:
        depth *= 2
    return depth


def fuse(
    store: Store,
    near: Candidates,
    query: Vectors,
    text: str,
    *,
    where: Filter | None,
    kind: Modality | None,
    count: int,
) -> Candidates:
    """Return the best items of vector search and full-text search by reciprocal rank fusion; scores remain cosines.

    A rank in full-text search counts as much as the square root of the share of the query's words that the item has: if
    few texts have any of the words, the best of them counts little. An item in both lists keeps the unit that is
    nearest to the query.

    Args:
        store: The library.
        near: The items nearest to the query, best first, `fusion_depth(count)` of them if there are as many.
        query: Unit vector, shape (d,).
        text: The words of the query: units with any of them are found.
        where: Filter; None lets everything pass.
        kind: Only units of this kind; None takes all.
        count: Number of items.
    """
    max_depth = fusion_depth(count)
    with_words = _keyword_candidates(store, query, text, where=where, kind=kind, count=max_depth)
    if not len(with_words):
        return near.first(count)
    both = concat([near, with_words])
    row_of: dict[int, int] = {}
    for row, item in enumerate(both.items):
        row_of.setdefault(item.item_id, row)
    rankings = [[item.item_id for item in ranking.items] for ranking in (near, with_words)]
    coverage = {item.item_id: sqrt(fulltext.word_coverage(text, item.text)) for item in with_words.items}
    order: dict[int, None] = {}
    depth = FUSION_DEPTH
    while depth <= max_depth:
        level = reciprocal_ranks([ranking[:depth] for ranking in rankings], k=_FUSION_K, weights=[{}, coverage])
        order |= dict.fromkeys(level)  # items of earlier levels keep their position
        depth *= 2
    return both.take([row_of[item_id] for item_id in list(order)[:count]])


def has_text(store: Store) -> bool:
    """Return whether the library has any text for full-text search."""
    return store.cached("has text", fulltext.has_text)


def matching_words(store: Store, text: str, candidates: Candidates) -> dict[int, tuple[str, ...]]:
    """Return which words of a text each candidate has, by unit id."""
    with store.reading() as connection:
        return fulltext.matching_words(connection, text, [item.unit_id for item in candidates.items])


def _keyword_candidates(
    store: Store, query: Vectors, text: str, *, where: Filter | None, kind: Modality | None, count: int
) -> Candidates:
    """Return the items with any of the words, best first by full-text search, with their cosines to the query."""
    conditions = where_conditions(where) + ([] if kind is None else [UNITS.c.kind == kind])
    with store.locked_index() as index, store.reading() as connection:
        encoder = store.encoder
        if encoder is None:
            return NO_CANDIDATES
        limit = count
        while True:
            matches = fulltext.search_text(connection, encoder.id, text, limit=limit, conditions=conditions)
            ids = np.array([match.embedding_id for match in matches], dtype=np.int64)
            ids = ids[isin_sorted(ids, index.ids)]  # another process may have written since the index was opened
            details = items.item_details(connection, ids.tolist())
            best: dict[int, int] = {}  # item -> its first embedding
            for id_ in ids.tolist():
                best.setdefault(details[id_].item_id, id_)
            if len(best) >= count or len(matches) < limit:
                break
            limit *= 4  # items have several of these units
        chosen = list(best.values())[:count]
        vectors = index.vectors(np.array(chosen, dtype=np.int64))
    return Candidates([details[id_] for id_ in chosen], inner_products(query, vectors), vectors)
