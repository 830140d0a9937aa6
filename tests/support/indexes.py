"""Indexes and index files for tests."""

from __future__ import annotations

from pathlib import Path

from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.base import VectorIndex
from indexer.vectors.index_file import write_index
from tests.support.vectors import HALVES, ids

FINGERPRINT = "f" * 40
"""The fingerprint of the index files."""


def index_of(row_ids: Ids, rows: Vectors) -> VectorIndex:
    """Return an index of some vectors, ids (n,) and rows (n, d)."""
    index = new_index(rows.shape[1])
    index.add(row_ids, rows)
    return index


def index_file(folder: Path) -> Path:
    """Return an index file with 16 vectors and the watermark 170."""
    file = folder / "index-f.faiss"
    write_index(index_of(ids(*range(10, 170, 10)), HALVES), file, fingerprint=FINGERPRINT, watermark=170)
    return file
