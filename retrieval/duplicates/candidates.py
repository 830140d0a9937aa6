"""Which pairs of photos are worth comparing: those whose embeddings lie near each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Progress, ProgressCallback, Vectors

Pairs = NDArray[np.int64]
"""Rows of photos, shape (p, 2), the smaller one first, each pair once, ascending."""

ROWS, COLUMNS = 2048, 8192
"""Size of a block of cosines: 64 MB."""


def near_pairs(
    ids: Ids,
    vectors: Callable[[Ids], Vectors],
    *,
    above: float,
    most: int,
    progress: ProgressCallback | None = None,
) -> Pairs:
    """Return the pairs of photos whose embeddings are near, as positions in `ids`.

    The work grows with the square of the photos, at the speed of a matrix product; the memory does not.

    Args:
        ids: Embeddings, shape (n,).
        vectors: Gives the unit vectors of some of them, shape (m, d).
        above: The cosine that a pair must have.
        most: Of each photo only so many of its nearest are taken; ties go to the smaller position.
        progress: Told how many photos are done.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for top in range(0, len(ids), ROWS):
        found.append(_near(ids, vectors, top, above=above, most=most))
        if progress:
            progress(Progress("looking for look-alikes", min(top + ROWS, len(ids)), len(ids)))
    return unique(np.concatenate(found))


def unique(pairs: Pairs) -> Pairs:
    """Return pairs once each, the smaller row first, ascending."""
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _near(ids: Ids, vectors: Callable[[Ids], Vectors], top: int, *, above: float, most: int) -> Pairs:
    """Return the nearest of the photos from position `top` on, `ROWS` of them."""
    rows = vectors(ids[top : top + ROWS])
    best = np.empty((0, 2), dtype=np.int64)
    values = np.empty(0, dtype=np.float32)
    for left in range(0, len(ids), COLUMNS):
        cosines = rows @ vectors(ids[left : left + COLUMNS]).T  # (rows, columns)
        row, column = np.nonzero(cosines > above)
        other = row + top != column + left
        row, column = row[other], column[other]
        best = np.concatenate([best, np.stack([row + top, column + left], axis=1)])
        values = np.concatenate([values, cosines[row, column]])
        order = np.lexsort((best[:, 1], -values, best[:, 0]))
        best, values = best[order], values[order]
        start = np.searchsorted(best[:, 0], best[:, 0])  # of each row's run: only its first `most` stay
        kept = np.arange(len(best)) - start < most
        best, values = best[kept], values[kept]
    return best


def in_walking_order(pairs: Pairs, count: int) -> Pairs:
    """Return pairs so ordered that photos which are compared with each other come close together.

    So a bounded number of them held in memory serves most comparisons. Photos are numbered as a breadth-first walk
    over the pairs meets them.

    Args:
        pairs: In any order.
        count: Photos there are.
    """
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    starts = np.searchsorted(ends[:, 0], np.arange(count + 1)).tolist()
    partners = ends[:, 1].tolist()
    rank = np.full(count, -1, dtype=np.int64)
    met = 0
    for first in np.unique(pairs).tolist():
        waiting = deque([first] if rank[first] < 0 else [])
        while waiting:
            photo = waiting.popleft()
            if rank[photo] < 0:
                rank[photo], met = met, met + 1
                waiting.extend(each for each in partners[starts[photo] : starts[photo + 1]] if rank[each] < 0)
    ranks = np.sort(rank[pairs], axis=1)
    return pairs[np.lexsort((ranks[:, 0], ranks[:, 1]))]
