"""Indexes and their files, as several tests want them."""

from __future__ import annotations

from pathlib import Path

from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.base import VectorIndex
from indexer.vectors.index_file import write_index
from tests.support.vectors import HALVES, ids

MINE = "f" * 40
"""A fingerprint."""


def index_of(held: Ids, rows: Vectors) -> VectorIndex:
    """Return an index of these vectors, ids (n,) and rows (n, d)."""
    index = new_index(rows.shape[1])
    index.add(held, rows)
    return index


def index_file(folder: Path) -> Path:
    """Return the file of an index of 16 vectors, written up to embedding 170."""
    file = folder / "index-f.faiss"
    write_index(index_of(ids(*range(10, 170, 10)), HALVES), file, fingerprint=MINE, watermark=170)
    return file
