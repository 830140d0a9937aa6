"""How well photos and texts are merged into one list: by probability, compared with raw cosines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.types import Modality, Vectors
from retrieval.calibration.null_scores import NullScores
from retrieval.calibration.probability import Constants, Form, ModelKey, Numbers, QueryFacts, query_model
from retrieval.calibration.word_counts import WordFacts, word_facts
from training.calibration.embedded_sets import EmbeddedSet

_SHIFTS = (-3.0, -1.5, 0.0, 1.5, 3.0)
"""Values that are tried for the shift of photos."""


class _List(NamedTuple):
    """Scores of all units of one query, photos first: log-odds by probability, whether each is a photo and is right."""

    scores: Vectors
    odds: Numbers
    is_photo: NDArray[np.bool_]
    right: NDArray[np.bool_]


def best_shifts(
    data: EmbeddedSet, half: int | None, null: dict[Modality, NullScores], fitted: dict[ModelKey, Constants]
) -> dict[Form, float]:
    """Return the shift of photos in each form of query that gives the best nDCG@10 on a half, or on both."""
    shifts = {}
    for form, lists in _lists(data, half, null, fitted).items():
        scores = {shift: np.mean([_merged(each, shift) for each in lists]) for shift in _SHIFTS}
        shifts[form] = max(_SHIFTS, key=lambda shift: (scores[shift], -abs(shift)))
    return shifts


def merged_ndcg(
    data: EmbeddedSet,
    half: int | None,
    null: dict[Modality, NullScores],
    fitted: dict[ModelKey, Constants],
    shifts: dict[Form, float],
) -> dict[Form, tuple[float, float]]:
    """Return nDCG@10 of lists merged by raw score and by probability.

    The library contains the photos of one half and all their captions but the first. A query is either a first caption,
    for which its photo and the photo's other captions are right, or a photo, for which its captions are right.
    """
    return {
        form: (
            float(np.mean([_ndcg(each.right[np.argsort(-each.scores, kind="stable")]) for each in lists])),
            float(np.mean([_merged(each, shifts[form]) for each in lists])),
        )
        for form, lists in _lists(data, half, null, fitted).items()
    }


def _lists(
    data: EmbeddedSet, half: int | None, null: dict[Modality, NullScores], fitted: dict[ModelKey, Constants]
) -> dict[Form, list[_List]]:
    """Return the scored units of each query, by form."""
    return {form: list(_form_lists(data, half, null, fitted, form)) for form in (Form.WORDS, Form.PICTURE)}


def _form_lists(
    data: EmbeddedSet, half: int | None, null: dict[Modality, NullScores], fitted: dict[ModelKey, Constants], form: Form
) -> Iterator[_List]:
    rows = np.flatnonzero((data.halves == half) | (half is None))
    first = np.unique(data.owners, return_index=True)[1]
    rest = np.setdiff1d(np.flatnonzero(np.isin(data.owners, rows)), first)
    texts, owners = data.texts[data.line_captions[rest]], data.owners[rest]
    for photo in rows:
        caption = data.line_captions[first[photo]]
        query = data.texts[caption] if form is Form.WORDS else data.photos[photo]
        words = word_facts(str(data.captions[caption])) if form is Form.WORDS else WordFacts(0.0, 0.0)
        others = rows if form is Form.WORDS else rows[rows != photo]
        units = {Modality.PHOTO: data.photos[others], Modality.TEXT: texts}
        odds = []
        for kind, vectors in units.items():
            facts = QueryFacts(*null[kind].mean_and_deviation(query), words)
            scores = vectors @ query
            values = (
                query_model(facts, fitted[ModelKey(form, kind)], scores).probabilities(scores).clip(1e-12, 1 - 1e-12)
            )
            odds.append(np.log(values / (1 - values)))
        yield _List(
            np.concatenate([vectors @ query for vectors in units.values()]),
            np.concatenate(odds),
            np.arange(len(others) + len(rest)) < len(others),
            np.concatenate([others == photo, owners == photo]),
        )


def _merged(each: _List, shift: float) -> float:
    """Return nDCG@10 of a list merged by probability."""
    return _ndcg(each.right[np.lexsort((-each.scores, -(each.odds + shift * each.is_photo)))])


def _ndcg(right: NDArray[np.bool_], k: int = 10) -> float:
    discounts = 1 / np.log2(np.arange(2, k + 2))
    return float((right[:k] * discounts).sum() / discounts[: min(k, int(right.sum()))].sum())
