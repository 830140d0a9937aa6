"""Indexes and index files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.base import MutableIndex
from indexer.vectors.index_file import write_index
from tests.support.vectors import HALVES, ids

FINGERPRINT = "f" * 40
"""The fingerprint of the index files."""


class EmptyLists:
    """An inverted file over nothing: all vectors of the index were added since."""

    def __len__(self) -> int:
        return 0

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        return np.full((len(queries), count), -1, dtype=np.int64)


def index_of(row_ids: Ids, rows: Vectors) -> MutableIndex:
    """Return an index of some vectors, ids (n,) and rows (n, d)."""
    index = new_index(rows.shape[1])
    index.add(row_ids, rows)
    return index


def index_file(folder: Path) -> Path:
    """Return an index file with 16 vectors and the watermark 170."""
    file = folder / "index-f.faiss"
    write_index(index_of(ids(*range(10, 170, 10)), HALVES), file, fingerprint=FINGERPRINT, watermark=170)
    return file
