"""Which photos answer which queries, and which are hard negatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.training_set import group_duplicates

Labels = NDArray[np.int8]
"""One of the three labels below for each query and photo, shape (queries, photos)."""

GOOD, WRONG, OPEN = 1, 0, -1
"""The photo answers the query; it does not; it is unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class FrozenEmbeddings:
    """The embeddings of the training's photos and texts before training.

    Attributes:
        paths: The photos that can be read, judged ones first.
        photos: Their unit vectors, shape (photos, d).
        queries: Unit vectors of the queries' texts, shape (queries, d).
        prompts: Unit vectors of the general prompts, shape (prompts, d).
    """

    paths: tuple[Path, ...]
    photos: Vectors
    queries: Vectors
    prompts: Vectors


def label_photos(queries: Sequence[PairedQuery], frozen: FrozenEmbeddings, *, guard: float = 0.95) -> Labels:
    """Return the label of each query and photo.

    Judged photos have their verdict. Another photo is wrong if it is nearer to the query's bad photos than to its good
    ones. For a query without bad photos, it is wrong if its score is below `guard` times that of the best good photo
    (positive-aware mining, Moreira et al. 2024, section 3, so that a right answer that nobody judged is not pushed
    away) and it is not a copy of a good one.

    Args:
        queries: Queries whose photos are among `frozen.paths`.
        frozen: Embeddings before training; the rows of `frozen.queries` are those of `queries`.
        guard: Fraction of the good score, and the cosine from which a photo counts as a copy of another.
    """
    rows: dict[Path, int] = {path: row for row, path in enumerate(frozen.paths)}
    labels = np.full((len(queries), len(rows)), OPEN, dtype=np.int8)
    for number, query in enumerate(queries):
        good, bad = [rows[path] for path in query.good], [rows[path] for path in query.bad]
        scores = frozen.photos @ frozen.queries[number]  # (photos,)
        to_good = (frozen.photos @ frozen.photos[good].T).max(axis=1)  # (photos,)
        if bad:
            is_wrong = (frozen.photos @ frozen.photos[bad].T).max(axis=1) > to_good
        else:
            best = float(scores[good].max())
            is_wrong = (scores < best - (1 - guard) * abs(best)) & (to_good < guard)
        labels[number, is_wrong] = WRONG
        labels[number, bad] = WRONG
        labels[number, good] = GOOD
    groups = group_duplicates(frozen.queries)
    for group in np.unique(groups):  # a good photo of a text is not wrong for the same text
        same = np.flatnonzero(groups == group)
        is_good = (labels[same] == GOOD).any(axis=0)
        labels[same] = np.where(is_good & (labels[same] != GOOD), OPEN, labels[same])
    return labels


def mine_hard_negatives(
    labels: Labels, frozen: FrozenEmbeddings, queries: Sequence[PairedQuery], *, limit: int = 50
) -> list[list[int]]:
    """Return the rows of each query's hard negatives: its bad photos, then up to `limit` of the nearest wrong ones."""
    rows = {path: row for row, path in enumerate(frozen.paths)}
    negatives: list[list[int]] = []
    for number, query in enumerate(queries):
        bad = [rows[path] for path in query.bad if labels[number, rows[path]] == WRONG]
        scores = np.where(labels[number] == WRONG, frozen.photos @ frozen.queries[number], -np.inf)
        nearest = [int(row) for row in np.argsort(-scores, kind="stable")[:limit] if np.isfinite(scores[row])]
        negatives.append([*bad, *(row for row in nearest if row not in set(bad))])
    return negatives
