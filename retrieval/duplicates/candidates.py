"""Pairs of photos that are worth comparing: those with similar embeddings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Progress, ProgressCallback, Vectors

Pairs = NDArray[np.int64]
"""Rows of photos, shape (p, 2), the smaller row first, each pair once, ascending."""

BLOCK_ROWS, BLOCK_COLUMNS = 2048, 8192
"""Size of a block of cosines: 64 MB."""


def near_pairs(
    ids: Ids,
    vectors: Callable[[Ids], Vectors],
    *,
    min_cosine: float,
    max_partners: int,
    progress: ProgressCallback | None = None,
) -> Pairs:
    """Return the pairs of photos with similar embeddings, as positions in `ids`.

    The time grows with the square of the number of photos, at the speed of a matrix product; the memory does not grow.

    Args:
        ids: Ids of embeddings, shape (n,).
        vectors: Returns the unit vectors of these ids, shape (m, d).
        min_cosine: The cosine of a pair exceeds this.
        max_partners: Number of nearest photos that each photo is paired with, at most; ties go to the smaller position.
        progress: Called with the number of photos that are done.
    """
    blocks = [np.empty((0, 2), dtype=np.int64)]
    for top in range(0, len(ids), BLOCK_ROWS):
        blocks.append(_nearest(ids, vectors, top, min_cosine=min_cosine, max_partners=max_partners))
        if progress:
            progress(Progress("looking for similar photos", min(top + BLOCK_ROWS, len(ids)), len(ids)))
    return unique_pairs(np.concatenate(blocks))


def unique_pairs(pairs: Pairs) -> Pairs:
    """Return each pair once, the smaller row first, ascending."""
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _nearest(ids: Ids, vectors: Callable[[Ids], Vectors], top: int, *, min_cosine: float, max_partners: int) -> Pairs:
    """Return the pairs of `BLOCK_ROWS` photos from position `top` with their nearest photos."""
    rows = vectors(ids[top : top + BLOCK_ROWS])
    best = np.empty((0, 2), dtype=np.int64)
    values = np.empty(0, dtype=np.float32)
    for left in range(0, len(ids), BLOCK_COLUMNS):
        cosines = rows @ vectors(ids[left : left + BLOCK_COLUMNS]).T  # (rows, columns)
        row, column = np.nonzero(cosines > min_cosine)
        is_other = row + top != column + left
        row, column = row[is_other], column[is_other]
        best = np.concatenate([best, np.stack([row + top, column + left], axis=1)])
        values = np.concatenate([values, cosines[row, column]])
        order = np.lexsort((best[:, 1], -values, best[:, 0]))
        best, values = best[order], values[order]
        start = np.searchsorted(best[:, 0], best[:, 0])  # first position with the same row
        is_near = np.arange(len(best)) - start < max_partners
        best, values = best[is_near], values[is_near]
    return best


def order_by_neighbourhood(pairs: Pairs, count: int) -> Pairs:
    """Return pairs in an order in which pairs with common photos are close together.

    Then a bounded number of photos in memory is enough for most comparisons. Photos are numbered in the order of a
    breadth-first search over the pairs.

    Args:
        pairs: Pairs in any order.
        count: Number of photos.
    """
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    starts = np.searchsorted(ends[:, 0], np.arange(count + 1)).tolist()
    partners = ends[:, 1].tolist()
    rank = np.full(count, -1, dtype=np.int64)
    numbered = 0
    for first in np.unique(pairs).tolist():
        queue = deque([first] if rank[first] < 0 else [])
        while queue:
            photo = queue.popleft()
            if rank[photo] < 0:
                rank[photo], numbered = numbered, numbered + 1
                queue.extend(partner for partner in partners[starts[photo] : starts[photo + 1]] if rank[partner] < 0)
    ranks = np.sort(rank[pairs], axis=1)
    return pairs[np.lexsort((ranks[:, 0], ranks[:, 1]))]
