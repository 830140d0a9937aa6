"""How well photos and texts are merged into one list: by probability, compared with raw cosines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from indexer.types import Modality, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.probability import ModelKey, Weights, merge_keys, non_increasing
from training.calibration.embedded_sets import EmbeddedSet
from training.calibration.fitting import KEYS
from training.calibration.trials import Mask

DEPTH = 200
"""Units of each kind that are merged, the best ones, as in a search."""


class _Candidates(NamedTuple):
    """The best units of one kind, best first: raw scores, probabilities, and whether each is right."""

    scores: Vectors
    probabilities: Numbers
    right: Mask


class _Question(NamedTuple):
    """A query, and the photos and texts in its library with whether each is right."""

    has_image: bool
    query: Vectors
    photos: Vectors
    right_photos: Mask
    texts: Vectors
    right_texts: Mask
    pool: Vectors


def merged_ndcg(
    data: EmbeddedSet, half: int, prompts: Vectors, fitted: list[Weights]
) -> dict[str, tuple[float, float]]:
    """Return nDCG@10 of lists merged by raw score and by probability, for queries in words and by photo.

    The library contains the photos of one half and all their captions but the first. A query is either a first caption,
    for which its photo and the photo's other captions are right, or a photo that is left out of the library itself, for
    which its captions are right.

    Args:
        data: A set with several captions for each photo.
        half: The half to use, one that the constants were not fitted on.
        prompts: The background prompts' vectors, shape (b, d).
        fitted: The constants, in the order of `KEYS`.
    """
    half_rows = np.flatnonzero(data.halves == half)
    lines = np.isin(data.owners, half_rows)
    owners, texts = np.searchsorted(half_rows, data.owners[lines]), data.texts[data.line_captions[lines]]
    first = np.unique(owners, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(owners)), first)
    photos = data.photos[half_rows]
    results: dict[str, list[tuple[float, float]]] = {"words": [], "photo": []}
    for photo in range(len(half_rows)):
        right_texts, right_photos = owners[rest] == photo, np.arange(len(half_rows)) == photo
        in_words = _Question(
            has_image=False, query=texts[first[photo]], photos=photos, right_photos=right_photos,
            texts=texts[rest], right_texts=right_texts, pool=prompts,
        )  # fmt: skip
        by_photo = _Question(
            has_image=True, query=photos[photo], photos=photos[~right_photos],
            right_photos=right_photos[~right_photos], texts=texts[rest], right_texts=right_texts, pool=photos,
        )  # fmt: skip
        results["words"].append(_merge(in_words, fitted))
        results["photo"].append(_merge(by_photo, fitted))
    means = {kind: np.mean(values, axis=0).tolist() for kind, values in results.items()}
    return {kind: (raw, calibrated) for kind, (raw, calibrated) in means.items()}


def _merge(question: _Question, fitted: list[Weights]) -> tuple[float, float]:
    """Return nDCG@10 of one query's list, merged by raw score and by probability."""
    keys = [ModelKey(question.has_image, kind) for kind in Modality]
    of_photos, of_texts = (fitted[KEYS.index(key)] for key in keys)
    lists = [
        _rank(question, question.photos, question.right_photos, of_photos),
        _rank(question, question.texts, question.right_texts, of_texts),
    ]
    relevant = int(question.right_photos.sum() + question.right_texts.sum())
    scores, _, right = (np.concatenate(parts) for parts in zip(*lists, strict=True))
    sort_keys = np.concatenate([merge_keys(part.probabilities, key) for part, key in zip(lists, keys, strict=True)])
    raw, calibrated = np.argsort(-scores, kind="stable"), np.lexsort((-scores, -sort_keys))
    return _ndcg(right[raw], relevant), _ndcg(right[calibrated], relevant)


def _rank(question: _Question, units: Vectors, right: Mask, weights: Weights) -> _Candidates:
    """Return the best units of one kind."""
    query, pool = question.query, question.pool
    top = np.argsort(-(units @ query), kind="stable")[:DEPTH]
    sample = units[np.unique(np.linspace(0, len(units) - 1, min(256, len(units))).astype(np.int64))]
    queries = background_queries([pool[:: max(1, len(pool) // 256)]], [1.0])
    background = background_stats(queries, sample, has_image=question.has_image)
    evidence = compute_evidence(query, units[top], background, population=len(units))
    if evidence is None:
        raise ValueError("the background gives no evidence for this encoder")
    log_odds = weights.constant + evidence.columns() @ np.array(weights[1:])
    return _Candidates(units[top] @ query, non_increasing(1 / (1 + np.exp(-log_odds))), right[top])


def _ndcg(right: Mask, relevant: int, k: int = 10) -> float:
    discounts = 1 / np.log2(np.arange(2, k + 2))
    return float((right[:k] * discounts[: len(right[:k])]).sum() / discounts[: min(k, relevant)].sum())
