"""Words and looks together: what is near a query, and what has its words, in one order."""

from __future__ import annotations

from math import sqrt

import numpy as np

from indexer.catalog.filters.expression import Filter, where_conditions
from indexer.catalog.schema import UNITS
from indexer.catalog.statements import fulltext, items
from indexer.store import Store
from indexer.types import Modality, Vectors, isin_sorted
from indexer.vectors.base import inner_products
from retrieval.search.candidates import NONE, Candidates
from retrieval.search.rank_fusion import reciprocal_ranks

DEPTH = 100
"""Ranks of each list that are fused, and for as long as more are shown twice as many: see `depth_for`."""

STEEPNESS = 10
"""The k of the fusion. The 60 of its paper is for systems that agree on most of what they find; looks and words do not.
Of 10, 20 and 60 it was the best at every depth on one half of the queries of `tests/bench/hybrid.py`, which reports on
the other half."""


def depth_for(count: int) -> int:
    """Return how much of each list is looked at for so many results.

    Several lists make one order in levels: that of the first `DEPTH` of each stays in front of what twice as many
    give, and so on. So the order does not depend on how many are shown, and pages of it fit together.
    """
    depth = DEPTH
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
    """Return the best items of two rankings, fused by reciprocal ranks; the scores stay cosines.

    A rank by words counts as much as the root of the share of the query's words that the item has: where few texts have
    any of them, the best of these has not much. An item that is in both keeps the unit that is nearest to the query.

    Args:
        store: The library.
        near: The items nearest to the query, best first, `depth_for(count)` of them where there are so many.
        query: Unit vector, shape (d,).
        text: What a person wrote: units with any of its words are looked for.
        where: Which items may be returned.
        kind: Only units of this kind; None takes all.
        count: Items wanted.
    """
    deepest = depth_for(count)
    written = keyword_candidates(store, query, text, where=where, kind=kind, count=deepest)
    if not len(written):
        return near.first(count)
    both = concat(near, written)
    row_of: dict[int, int] = {}
    for row, item in enumerate(both.items):
        row_of.setdefault(item.item_id, row)
    rankings = [[item.item_id for item in ranking.items] for ranking in (near, written)]
    shares = {item.item_id: sqrt(fulltext.word_coverage(text, item.text)) for item in written.items}
    order: dict[int, None] = {}
    depth = DEPTH
    while depth <= deepest:
        level = reciprocal_ranks([ranking[:depth] for ranking in rankings], k=STEEPNESS, weights=[{}, shares])
        order |= dict.fromkeys(level)  # what a level before has keeps its place
        depth *= 2
    return both.take([row_of[item_id] for item_id in list(order)[:count]])


def has_words(store: Store) -> bool:
    """Return whether the library has any text to look for words in."""
    return store.cached("has words", fulltext.has_text)


def words_in(store: Store, text: str, found: Candidates) -> dict[int, tuple[str, ...]]:
    """Return which words of a text the units of candidates have, by unit id."""
    with store.reading() as connection:
        return fulltext.matching_words(connection, text, [item.unit_id for item in found.items])


def keyword_candidates(
    store: Store, query: Vectors, text: str, *, where: Filter | None, kind: Modality | None, count: int
) -> Candidates:
    """Return the items with any of the words, best first, with their cosines to the query."""
    passing = where_conditions(where) + ([] if kind is None else [UNITS.c.kind == kind])
    with store.locked_index() as index, store.reading() as connection:
        known = store.encoder
        if known is None:
            return NONE
        limit = count
        while True:
            matches = fulltext.search_text(connection, known.id, text, limit=limit, conditions=passing)
            matching = np.array([match.embedding_id for match in matches], dtype=np.int64)
            held = matching[isin_sorted(matching, index.ids)]  # another process may have written since it was opened
            found = items.item_details(connection, held.tolist())
            first: dict[int, int] = {}
            for id_ in held.tolist():
                first.setdefault(found[id_].item_id, id_)
            if len(first) >= count or len(matches) < limit:
                break  # else an item has several of these units
            limit *= 4
        ids = list(first.values())[:count]
        vectors = index.vectors(np.array(ids, dtype=np.int64))
    return Candidates([found[id_] for id_ in ids], inner_products(query, vectors), vectors)


def concat(one: Candidates, other: Candidates) -> Candidates:
    """Return the candidates of both, one after the other."""
    if not len(one):
        return other
    return Candidates(
        [*one.items, *other.items],
        np.concatenate([one.scores, other.scores]),
        np.concatenate([one.vectors, other.vectors]),
    )
