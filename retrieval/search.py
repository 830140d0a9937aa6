"""From a query to hits: candidates, order, what each part of the query has to do with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from indexer.catalog.queries import Filters, FoundItem
from indexer.errors import QueryError
from indexer.store import Store
from indexer.types import Modality, Vectors
from indexer.vectors.base import score
from retrieval.calibration import DEPTH, Asked, Calibrator
from retrieval.calibration.evidence import Numbers
from retrieval.calibration.probability import Pair, merging_values
from retrieval.candidates import NONE, Candidates, find, has_kind
from retrieval.hits import Hit, Hits, TermScore
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
        filters: Which items may be returned.
        among: What is searched.
        leave_out: An item that is not returned: the query's own.
        pictures: How many of the parts are pictures, the last ones.
    """

    terms: Sequence[str]
    parts: Vectors
    weights: Sequence[float]
    filters: Filters
    among: Among = "all"
    leave_out: int | None = None
    pictures: int = 0


def check_count(k: int) -> None:
    """Refuse a number of results below 1; apart, so that it can be done before an encoder is loaded.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"{k} results were asked for; expected at least 1")


def search(store: Store, question: Question, *, k: int, calibrator: Calibrator | None = None) -> Hits:
    """Return the k best items, best first, equal scores by item id.

    Photos and texts have scores of different scales (the modality gap): where both are found, their order comes from
    their probabilities (`merging_values`), within each kind from the scores.

    Args:
        store: The library.
        question: What is asked.
        k: Results wanted, at least 1.
        calibrator: Gives the hits their probabilities; without one they have none.

    Raises:
        QueryError: k is below 1, or the parts cancel out.
    """
    check_count(k)
    query = combined(question.parts, question.weights)
    found = _candidates(store, question, query, k if calibrator is None else max(k, DEPTH))
    values = None if calibrator is None else _probabilities(calibrator, question, query, found)
    merged, kept = _merged(found, values, k, pictured=question.pictures > 0)
    expected = None if values is None else float(sum(each[:DEPTH].sum() for each in values))
    return _hits(merged, kept, question, expected)


def _probabilities(
    calibrator: Calibrator, question: Question, query: Vectors, lists: Sequence[Candidates]
) -> list[Numbers] | None:
    """Return the probabilities of each list, falling; None where one of them cannot be known."""
    pictured = [part >= len(question.parts) - question.pictures for part in range(len(question.parts))]
    asked = Asked(query, question.weights, pictured)
    result = []
    for each in lists:
        if len(each):
            kind = Modality(each.items[0].kind)
            values = calibrator.probabilities(asked, each.vectors, kind=kind, searched=each.searched)
            if values is None:
                return None
            result.append(values)
    return result


def _candidates(store: Store, question: Question, query: Vectors, count: int) -> list[Candidates]:
    """Return the best items of each of the kinds that are searched."""
    held = [kind for kind in Modality if has_kind(store, kind)]
    kinds: list[Modality | None] = [kind for kind in held if question.among in ("all", _AMONG[kind])]
    if len(kinds) == len(held):
        kinds = kinds if len(kinds) > 1 else [None]  # all that there is: nothing to select by
    found = [
        find(store, query, count, filters=question.filters, kind=kind, leave_out=question.leave_out) for kind in kinds
    ]
    return [each for each in found if len(each)]


def _merged(
    lists: Sequence[Candidates], values: Sequence[Numbers] | None, count: int, *, pictured: bool
) -> tuple[Candidates, Sequence[float | None]]:
    """Return one list of several, best first, with its probabilities; of an item that is in several its better unit."""
    if not lists:
        return NONE, []
    merged = Candidates(
        [item for each in lists for item in each.items],
        np.concatenate([each.scores for each in lists]),
        np.concatenate([each.vectors for each in lists]),
        sum(each.searched for each in lists),
    )
    ranks = np.zeros(len(merged))
    if values is not None and len(lists) > 1:
        kinds = [Modality(each.items[0].kind) for each in lists]
        ranks = np.concatenate(
            [merging_values(each, Pair(pictured, kind)) for each, kind in zip(values, kinds, strict=True)]
        )
    order = sorted(range(len(merged)), key=lambda row: (-ranks[row], -merged.scores[row], merged.items[row].item_id))
    seen: dict[int, int] = {}
    for row in order:
        seen.setdefault(merged.items[row].item_id, row)
    rows = list(seen.values())[:count]
    known = None if values is None else np.concatenate(list(values))
    return merged.take(rows), [None if known is None else float(known[row]) for row in rows]


def _hits(candidates: Candidates, values: Sequence[float | None], question: Question, expected: float | None) -> Hits:
    rows = zip(candidates.items, candidates.scores, candidates.vectors, values, strict=True)
    return Hits(
        (
            _hit(item, float(cosine), chance, question, score(vector, question.parts))
            for item, cosine, vector, chance in rows
        ),
        expected=expected,
    )


def _hit(item: FoundItem, value: float, chance: float | None, question: Question, cosines: Vectors) -> Hit:
    why = zip(question.terms, cosines.tolist(), question.weights, strict=True)
    return Hit(
        path=Path(item.path),
        score=value,
        why=tuple(TermScore(*part) for part in why),
        probability=chance,
        **{name: getattr(item, name) for name in _SHARED},
    )
