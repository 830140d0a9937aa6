"""The GpuBackend protocol: what an index needs from one or more GPUs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors

RowMask = NDArray[np.bool_]
"""Which rows of a backend may be returned, shape (n,)."""

MAX_CANDIDATES = 2048
"""Candidates per query at most: FAISS's limit on a GPU (`GPU_MAX_SELECTION_K`)."""


class GpuBackend(Protocol):
    """Vectors on one or more GPUs, by row number; implemented by `faiss_backend` and `torch_backend`."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def add(self, vectors: HalfVectors) -> None:
        """Append vectors, shape (n, dim), float16.

        Raises:
            RuntimeError: The GPU has too little memory.
        """

    def top_k(self, queries: Vectors, count: int, mask: RowMask | None) -> tuple[Vectors, Ids]:
        """Return inner products and row numbers of the best rows of each query, shape (q, c) each, best first.

        Rows outside the mask may be among them. The row number is -1 if there are too few rows, or too few in the mask.

        Args:
            queries: Shape (q, dim), float32, writable.
            count: Rows per query, at most `MAX_CANDIDATES`; c is this, or the number of rows if that is smaller.
            mask: Rows that are wanted, shape (n,); None means all.

        Raises:
            RuntimeError: The GPU has too little memory.
        """
