"""Scan of rows for many queries at once: matrix products over blocks of vectors, of which each query keeps the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from indexer.types import Ids, Vectors

Rows = Ids | slice
"""Rows of an index in ascending order: row numbers, shape (n,), or a range."""

_QUERY_BLOCK = 256
"""Queries that are multiplied at once: 17 MB of products with a block of vectors."""

_ROW_BLOCK = 16384
"""Vectors that are multiplied at once: 25 MB in float32 with 384 dimensions."""


def row_count(rows: Rows) -> int:
    """Return the number of rows."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def to_range(rows: Ids) -> Rows:
    """Return ascending rows, shape (n,), as a range if they have no gap."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def scan_rows(
    queries: Vectors, count: int, rows: Rows, *, decode: Callable[[Rows, Vectors], Vectors]
) -> Iterator[tuple[Vectors, Ids]]:
    """Yield for each query the products and the numbers of its best rows, best first, at most `count` each.

    Args:
        queries: Shape (q, dim), float32.
        count: Rows per query.
        rows: The rows that are scanned.
        decode: Returns the vectors of some rows in float32, written into the buffer that it gets.
    """
    buffer = np.empty((min(_ROW_BLOCK, row_count(rows)), queries.shape[1]), dtype=np.float32)
    for start in range(0, len(queries), _QUERY_BLOCK):
        part = queries[start : start + _QUERY_BLOCK]
        best = [_BestRows(count) for _ in part]
        for block in _blocks(rows):
            numbers = np.arange(block.start, block.stop) if isinstance(block, slice) else block
            products = part @ decode(block, buffer[: len(numbers)]).T  # (q, b)
            better = products >= np.array([query.threshold for query in best], dtype=np.float32)[:, None]
            for row in np.flatnonzero(better.any(axis=1)).tolist():
                places = np.flatnonzero(better[row])
                best[row].add(products[row, places], numbers[places])
        for query in best:
            yield query.products, query.rows


class _BestRows:
    """The best rows of one query so far: products and row numbers, best first, at most `count`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.products: Vectors = np.empty(0, dtype=np.float32)
        self.rows: Ids = np.empty(0, dtype=np.int64)

    @property
    def threshold(self) -> float:
        """Smallest product that can still be among the best."""
        return float(self.products[-1]) if len(self.products) == self._count else -np.inf

    def add(self, products: Vectors, rows: Ids) -> None:
        """Add rows, and drop those that are no longer among the best."""
        products, rows = np.concatenate([self.products, products]), np.concatenate([self.rows, rows])
        if len(products) > 4 * self._count:
            top = np.argpartition(-products, self._count - 1)[: self._count]
            products, rows = products[top], rows[top]
        order = np.argsort(-products, kind="stable")[: self._count]
        self.products, self.rows = products[order], rows[order]


def _blocks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, row_count(rows), _ROW_BLOCK):
        if isinstance(rows, slice):
            yield slice(rows.start + start, min(rows.start + start + _ROW_BLOCK, rows.stop))
        else:
            yield rows[start : start + _ROW_BLOCK]
