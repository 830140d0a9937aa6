"""Photos and texts in one list: ordered by probability, against raw cosines."""

from __future__ import annotations

import numpy as np

from indexer.types import Modality, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.probability import ModelKey, Weights, merge_keys, non_increasing
from training.calibration.datasets import Set
from training.calibration.fitting import KEYS
from training.calibration.trials import Marks

DEPTH = 200
"""Best units of each kind that are merged, as in a search."""


def merged_quality(data: Set, half: int, prompts: Vectors, fitted: list[Weights]) -> dict[str, tuple[float, float]]:
    """Return nDCG@10 of raw and of calibrated lists, from words and from photos.

    The library holds the photos of one half and all their captions but the first. The first asks, and its photo and
    its other captions are right; or the photo asks, is left out itself, and its captions are right.

    Args:
        data: A set with several captions for each photo.
        half: Which half, one that the constants were not fitted on.
        prompts: The background prompts' vectors, shape (b, d).
        fitted: The constants, in the order of `KEYS`.
    """
    chosen = np.flatnonzero(data.halves == half)
    lines = np.isin(data.owners, chosen)
    owners, texts = np.searchsorted(chosen, data.owners[lines]), data.texts[data.said[lines]]
    first = np.unique(owners, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(owners)), first)
    photos = data.photos[chosen]
    results: dict[str, list[tuple[float, float]]] = {"words": [], "photo": []}
    for photo in range(len(chosen)):
        said = owners[rest] == photo
        own = np.arange(len(chosen)) == photo
        for asked, query, shown, right in (
            ("words", texts[first[photo]], photos, own),
            ("photo", photos[photo], photos[~own], own[~own]),
        ):
            pool = prompts if asked == "words" else photos
            of_photos, of_texts = (fitted[KEYS.index(ModelKey(asked == "photo", kind))] for kind in Modality)
            lists = [
                _list(query, shown, right, pool=pool, has_image=asked == "photo", weights=of_photos),
                _list(query, texts[rest], said, pool=pool, has_image=asked == "photo", weights=of_texts),
            ]
            relevant = int(right.sum() + said.sum())
            scores, _, marks = (np.concatenate(parts) for parts in zip(*lists, strict=True))
            has_image = asked == "photo"
            ranks = np.concatenate(
                [merge_keys(each[1], ModelKey(has_image, kind)) for each, kind in zip(lists, Modality, strict=True)]
            )
            raw, calibrated = np.argsort(-scores, kind="stable"), np.lexsort((-scores, -ranks))
            results[asked].append((_ndcg(marks[raw], relevant), _ndcg(marks[calibrated], relevant)))
    means = {asked: np.mean(pairs, axis=0).tolist() for asked, pairs in results.items()}
    return {asked: (raw, calibrated) for asked, (raw, calibrated) in means.items()}


def _list(
    query: Vectors, units: Vectors, right: Marks, *, pool: Vectors, has_image: bool, weights: Weights
) -> tuple[Vectors, Numbers, Marks]:
    """Return scores, probabilities and what is right of the best units of one kind, best first."""
    top = np.argsort(-(units @ query), kind="stable")[:DEPTH]
    sample = units[np.unique(np.linspace(0, len(units) - 1, min(256, len(units))).astype(np.int64))]
    others = background_queries([pool[:: max(1, len(pool) // 256)]], [1.0])
    found = compute_evidence(
        query, units[top], background_stats(others, sample, has_image=has_image), population=len(units)
    )
    if found is None:
        raise ValueError("the background says nothing about this encoder")
    odds = weights.constant + found.columns() @ np.array(weights[1:])
    return units[top] @ query, non_increasing(1 / (1 + np.exp(-odds))), right[top]


def _ndcg(marks: Marks, relevant: int, k: int = 10) -> float:
    discounts = 1 / np.log2(np.arange(2, k + 2))
    return float((marks[:k] * discounts[: len(marks[:k])]).sum() / discounts[: min(k, relevant)].sum())
