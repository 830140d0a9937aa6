"""From a query to hits: candidates, order, what each part of the query has to do with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
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
from retrieval.hits import Hit, Hits, TermScore
from retrieval.hybrid import DEPTH, fused, has_words, words_in
from retrieval.query_vectors import combined

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


def search(store: Store, question: Question, *, k: int) -> Hits:
    """Return the k best items, best first, equal scores by item id.

    Where words are looked for too, the order is that of both rankings together, and the scores stay cosines.

    Args:
        store: The library.
        question: What is asked.
        k: Results wanted, at least 1.

    Raises:
        QueryError: k is below 1, or the parts cancel out.
    """
    check_count(k)
    query = combined(question.parts, question.weights)
    if not question.words or not has_words(store):
        return _hits(_candidates(store, question, query, k), question)
    near = _candidates(store, question, query, max(k, DEPTH))
    kind = next((kind for kind, among in _AMONG.items() if among == question.among), None)
    found = fused(store, near, query, question.words, where=question.where, kind=kind, count=k)
    words = words_in(store, question.words, found)
    return Hits(replace(hit, words=words.get(hit.unit_id, ())) for hit in _hits(found, question))


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


def _hits(candidates: Candidates, question: Question) -> Hits:
    return Hits(
        _hit(item, float(value), question, score(vector, question.parts))
        for item, value, vector in zip(candidates.items, candidates.scores, candidates.vectors, strict=True)
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
