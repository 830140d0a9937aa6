"""From a query to hits: candidates, order, what each part of the query has to do with each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from math import isnan
from pathlib import Path
from typing import Literal

import numpy as np

from indexer.catalog.filters import Filter
from indexer.catalog.queries import FoundItem
from indexer.errors import QueryError
from indexer.store import Store
from indexer.types import Modality, Vectors
from indexer.vectors.base import score
from retrieval.candidates import NONE, Candidates, find, has_kind
from retrieval.hits import Hit, Hits, StepScore, TermScore
from retrieval.hybrid import DEPTH, fused, has_words, words_in
from retrieval.query_vectors import combined
from retrieval.rerank import Chain, Ranking, reranked

Among = Literal["photos", "texts", "all"]
"""What is searched."""

_AMONG: dict[Modality, Among] = {Modality.PHOTO: "photos", Modality.TEXT: "texts"}

_SHARED = [field.name for field in fields(Hit) if field.name in FoundItem._fields and field.name != "path"]
"""What a hit takes over from the catalog."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query whose parts are encoded.

    Attributes:
        terms: A name for each part of the query, (p,).
        parts: Unit vectors of the parts, shape (p, d), float32.
        weights: What each part counts, (p,).
        where: What may be returned; None lets everything pass.
        among: What is searched.
        leave_out: An item that is not returned: the query's own.
        words: What full-text search looks for beside; "" for nothing.
    """

    terms: Sequence[str]
    parts: Vectors
    weights: Sequence[float]
    where: Filter | None
    among: Among = "all"
    leave_out: int | None = None
    words: str = ""


def check_count(k: int) -> None:
    """Refuse a number of results below 1; apart, so that it can be done before an encoder is loaded.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"{k} results were asked for; expected at least 1")


def search(store: Store, question: Question, *, k: int, chain: Chain | None = None) -> Hits:
    """Return the k best items, best first, equal scores by item id; with rerankers, in the order that these give.

    Where words are looked for too, the order is that of both rankings together, and the scores stay cosines.

    Args:
        store: The library.
        question: What is asked.
        k: Results wanted, at least 1.
        chain: Rerankers; None leaves the order as it is.

    Raises:
        QueryError: k is below 1, or the parts cancel out.
    """
    check_count(k)
    query = combined(question.parts, question.weights)
    if chain is None:
        ranking = Ranking.of(_found(store, question, query, k))
    else:
        ranking = reranked(chain, store, query, lambda count: _found(store, question, query, count), count=k)
    return Hits(_hits(store, ranking, question))


def _found(store: Store, question: Question, query: Vectors, count: int) -> Candidates:
    """Return the best items by looks, or by looks and words together."""
    if not question.words or not has_words(store):
        return _candidates(store, question, query, count)
    near = _candidates(store, question, query, max(count, DEPTH))
    kind = next((kind for kind, among in _AMONG.items() if among == question.among), None)
    return fused(store, near, query, question.words, where=question.where, kind=kind, count=count)


def _candidates(store: Store, question: Question, query: Vectors, count: int) -> Candidates:
    """Return the best items of the kinds that are searched."""
    held = [kind for kind in Modality if has_kind(store, kind)]
    kinds: list[Modality | None] = [kind for kind in held if question.among in ("all", _AMONG[kind])]
    if len(kinds) == len(held):
        kinds = kinds if len(kinds) > 1 else [None]  # all that there is: nothing to select by
    found = [find(store, query, count, where=question.where, kind=kind, leave_out=question.leave_out) for kind in kinds]
    return _merged(found, count) if len(found) != 1 else found[0]


def _merged(lists: Sequence[Candidates], count: int) -> Candidates:
    """Return one list of several, best first; of an item that is in several its better unit."""
    if not lists:
        return NONE
    merged = Candidates(
        [item for each in lists for item in each.items],
        np.concatenate([each.scores for each in lists]),
        np.concatenate([each.vectors for each in lists]),
    )
    order = sorted(range(len(merged)), key=lambda row: (-merged.scores[row], merged.items[row].item_id))
    seen: dict[int, int] = {}
    for row in order:
        seen.setdefault(merged.items[row].item_id, row)
    return merged.take(list(seen.values())[:count])


def _hits(store: Store, ranking: Ranking, question: Question) -> Iterator[Hit]:
    """Yield a hit for each candidate, and in it those that it stands for."""
    found = ranking.candidates
    words = words_in(store, question.words, found) if question.words and has_words(store) else {}
    for row, (item, value, vector) in enumerate(zip(found.items, found.scores, found.vectors, strict=True)):
        steps = [StepScore(step.name, float(step.scores[row])) for step in ranking.steps]
        yield replace(
            _hit(item, float(value), question, score(vector, question.parts)),
            words=words.get(item.unit_id, ()),
            rerank=tuple(step for step in steps if not isnan(step.score)),
            members=tuple(member for group in ranking.members[row] for member in _hits(store, group, question)),
        )


def _hit(item: FoundItem, value: float, question: Question, cosines: Vectors) -> Hit:
    why = zip(question.terms, cosines.tolist(), question.weights, strict=True)
    return Hit(
        path=Path(item.file),
        row=item.row,
        score=value,
        why=tuple(TermScore(*part) for part in why),
        **{name: getattr(item, name) for name in _SHARED},
    )
