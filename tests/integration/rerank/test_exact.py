"""The reranker exact after indexes and orders of all kinds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrieval import Context, Library, Query, Ranking
from retrieval.search.candidates import find_candidates
from retrieval.search.rerank.exact import Exact


def test_nothing_changes_after_an_exact_index(colors: Library) -> None:
    for query in ("red", "lime and orange", "grey"):
        assert colors.search(query, rerank=["exact"]) == colors.search(query)


def test_estimated_scores_are_corrected(colors: Library) -> None:
    red = np.array([1, 0, 0], dtype=np.float32)
    store = colors._store
    found = find_candidates(store, red, 5, where=None)
    estimated = np.array([0.9, 0.8, 0.7, 0.6, 0.5], dtype=np.float32)
    lossy = replace(found.take([2, 4, 0, 1, 3]), scores=estimated, vectors=found.vectors * 0.5)
    context = Context(Query(["red"]), red, store, colors._settings, lambda _: None)
    exact = Exact().rerank(Ranking.from_candidates(lossy), context)
    assert [item.path for item in exact.candidates.items] == [item.path for item in found.items]
    assert exact.candidates.scores.tolist() == exact.score.tolist() == found.scores.tolist()
    assert np.array_equal(exact.candidates.vectors, found.vectors)


def test_an_order_by_full_text_search_stays(colors: Library) -> None:
    red = np.array([1, 0, 0], dtype=np.float32)
    found = find_candidates(colors._store, red, 5, where=None).take([3, 0, 4, 1, 2])
    context = Context(Query(["red"]), red, colors._store, colors._settings, lambda _: None)
    exact = Exact().rerank(Ranking.from_candidates(found), context)
    assert exact.candidates.items == found.items
    assert exact.candidates.scores.tolist() == found.scores.tolist()
    assert exact.score.tolist() == sorted(found.scores.tolist(), reverse=True)
