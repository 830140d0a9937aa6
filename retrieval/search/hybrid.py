"""Hybrid search: vector search and full-text search in one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np

from indexer.catalog.filters.expression import Filter, where_conditions
from indexer.catalog.schema import UNITS
from indexer.catalog.statements import fulltext, items
from indexer.catalog.words import is_unspaced
from indexer.store import Store
from indexer.types import Modality, Vectors
from indexer.vectors.base import inner_products
from retrieval.search.candidates import NO_CANDIDATES, Candidates, concat
from retrieval.search.rank_fusion import reciprocal_ranks
from retrieval.search.word_evidence import QueryWord, QueryWords, WordHit

FUSION_DEPTH = 100
"""Ranks of each list that are fused; doubled for longer results, see `fusion_depth`."""

_FUSION_K = 10
"""The k of the fusion. The 60 of its paper is for systems that agree on most results; vector and full-text search do
not. Of 10, 20 and 60 this was the best at every depth on one half of the queries of `tests/bench/hybrid.py`, which
reports on the other half."""

_MOST = 0.7
"""Word evidence from which on an item comes first where no look is likely."""

_LEAST = 0.05
"""How much a rank in the search of names counts at least; less changes the order of a few items at most."""

_LIKELY, _UNKNOWN_LOOK = 0.2, 0.5
"""Match probability of a likely look, and that of the best look where probabilities are not known."""

_SHORTEST_CODE = 3
"""Characters of a name that a camera gives, at least: "5 dogs" has none."""

_MOST_NAMES = 500
"""Items with a word in their names that are compared with the query; of a commoner word the first ones."""


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
    words: QueryWords,
    *,
    where: Filter | None,
    kind: Modality | None,
    count: int,
    probabilities: Callable[[Candidates], list[float | None]] | None = None,
) -> Candidates:
    """Return the best items of vector search and full-text search by reciprocal rank fusion; scores remain cosines.

    A rank in full-text search counts as much as the square root of the item's word evidence: if few texts have any of
    the words, the best of them counts little. Names count less if many items have them and the query is likely to be
    seen in photos. Items that have most of what the query's words tell come first if no look is likely, or if the words
    are a code: of "a dog", looks know more than a folder's name.

    An item in several lists keeps the unit that is nearest to the query.

    Args:
        store: The library.
        near: The items nearest to the query, best first, `fusion_depth(count)` of them if there are as many.
        query: Unit vector, shape (d,).
        words: The words of the query: items with any of them are found.
        where: Filter; None lets everything pass.
        kind: Only units of this kind; None takes all.
        count: Number of items.
        probabilities: Returns the match probability of each candidate, None if it is not known.
    """
    max_depth = fusion_depth(count)
    texts = _text_candidates(store, query, words, where=where, kind=kind, count=max_depth)
    names = _name_candidates(store, query, words, where=where, kind=kind, count=max_depth)
    if not len(texts) and not len(names):
        return near.first(count)
    both = _unique_items(concat([near, texts, names]))
    looks = probabilities(both) if probabilities else [None] * len(both)
    best_look = max((look for look in looks if look is not None), default=_UNKNOWN_LOOK)
    found = {item.item_id: words.in_item(item) for item in both.items}
    is_front = {item_id: _is_front(words, hits, best_look) for item_id, hits in found.items()}
    weights = [
        {},
        {item.item_id: sqrt(words.evidence(words.in_item(item))) for item in texts.items},
        {item.item_id: _name_weight(words, found[item.item_id], best_look) for item in names.items},
    ]
    rankings = [[item.item_id for item in ranking.items] for ranking in (near, texts, names)]
    order: dict[int, None] = {}
    depth = FUSION_DEPTH
    while depth <= max_depth:
        level = reciprocal_ranks([ranking[:depth] for ranking in rankings], k=_FUSION_K, weights=weights)
        # items of earlier levels keep their position
        order |= dict.fromkeys(sorted(level, key=lambda item_id: not is_front[item_id]))
        depth *= 2
    rows = {item.item_id: row for row, item in enumerate(both.items)}
    return both.take([rows[item_id] for item_id in list(order)[:count]])


def changes_order(words: QueryWords) -> bool:
    """Return whether full-text search can change the order of vector search."""
    return any(word.count.texts for word in words.found) or bool(_searched_in_names(words))


def _searched_in_names(words: QueryWords) -> list[QueryWord]:
    """Return the words that are searched for in names: those that can change the order, the rarest first."""
    in_names = sorted((word for word in words.found if word.count.names), key=lambda word: word.count.names)
    most = words.evidence(WordHit(word.text, "name") for word in words.found)
    if most >= _MOST:
        return in_names
    return [word for word in in_names if sqrt(most) * (word.weight / words.rarest) ** 2 >= _LEAST]


def _unique_items(candidates: Candidates) -> Candidates:
    """Return candidates without further units of the same items."""
    row_of: dict[int, int] = {}
    for row, item in enumerate(candidates.items):
        row_of.setdefault(item.item_id, row)
    return candidates.take(list(row_of.values()))


def _is_front(words: QueryWords, hits: Sequence[WordHit], best_look: float) -> bool:
    """Return whether an item has most of what the words tell, and looks know nothing of it."""
    return words.evidence(hits) >= _MOST and (best_look < _LIKELY or any(map(_is_code, hits)))


def _name_weight(words: QueryWords, hits: Sequence[WordHit], best_look: float) -> float:
    """Return how much the rank of an item in the search of names counts.

    A code like PANA3020 counts whatever photos look like. Other words count the less the likelier it is that a photo
    shows them.
    """
    doubt = 1.0 if any(map(_is_code, hits)) else 1.0 - best_look
    return sqrt(words.evidence(hits)) * words.rarity(hits) ** 2 * doubt


def _is_code(hit: WordHit) -> bool:
    """Return whether a word has digits, as the names that cameras give: no photo shows it."""
    return len(hit.word) >= _SHORTEST_CODE and any(letter.isdigit() for letter in hit.word)


def _text_candidates(
    store: Store, query: Vectors, words: QueryWords, *, where: Filter | None, kind: Modality | None, count: int
) -> Candidates:
    """Return the items with any of the words in a text, best first by BM25, with their cosines to the query."""
    in_texts = [word for word in words.found if word.count.texts]
    beginnings = [word.text for word in in_texts if word.count.is_beginning or is_unspaced(word.text)]
    whole = [word.text for word in in_texts if word.text not in beginnings]
    conditions = where_conditions(where) + ([] if kind is None else [UNITS.c.kind == kind])
    with store.searching() as (index, connection):
        encoder = store.encoder
        if encoder is None or not in_texts:
            return NO_CANDIDATES
        limit = count
        while True:
            matches = fulltext.search_text(
                connection, encoder.id, whole, beginnings=beginnings, limit=limit, conditions=conditions
            )
            ids = np.array([match.embedding_id for match in matches], dtype=np.int64)
            ids = ids[index.contains(ids)]  # a damaged embedding is not in the index
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


def _name_candidates(
    store: Store, query: Vectors, words: QueryWords, *, where: Filter | None, kind: Modality | None, count: int
) -> Candidates:
    """Return the items with any of the words in their names: most telling words first, then nearest to the query."""
    in_names = _searched_in_names(words)
    limit = max(count, _MOST_NAMES)
    with store.searching() as (index, connection):
        encoder = store.encoder
        if encoder is None or not in_names:
            return NO_CANDIDATES
        told: dict[int, float] = {}  # embedding -> weight of its words
        for word in in_names:
            if told and word.count.names > limit:
                break  # rarer words tell more
            for id_ in fulltext.search_names(
                connection,
                encoder.id,
                word.text,
                is_beginning=word.count.is_beginning or is_unspaced(word.text),
                kind=kind,
                limit=limit,
                conditions=where_conditions(where),
            ):
                told[id_] = told.get(id_, 0.0) + word.weight * word.share
        ids = np.array(list(told), dtype=np.int64)
        ids = ids[index.contains(ids)]
        scores, weights = inner_products(query, index.vectors(ids)), np.array([told[id_] for id_ in ids.tolist()])
        ids = ids[np.lexsort((ids, -scores, -weights))][:count]
        details = items.item_details(connection, ids.tolist())
        ids = np.array([id_ for id_ in ids.tolist() if id_ in details], dtype=np.int64)
        vectors = index.vectors(ids)
    return Candidates([details[id_] for id_ in ids.tolist()], inner_products(query, vectors), vectors)
