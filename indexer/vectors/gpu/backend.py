"""What an index asks of one or more GPUs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors

RowMask = NDArray[np.bool_]
"""Which rows of a card may be named, shape (n,)."""

MAX_CANDIDATES = 2048
"""Candidates that a card names at most: FAISS takes no more (`GPU_MAX_SELECTION_K`)."""


class GpuBackend(Protocol):
    """Vectors on one or more GPUs, by row number; `faiss_backend` and `torch_backend` implement it."""

    def __len__(self) -> int:
        """Return how many rows there are."""

    def add(self, vectors: HalfVectors) -> None:
        """Put vectors behind the others, shape (n, dim), float16.

        Raises:
            RuntimeError: The card has too little memory.
        """

    def top_k(self, queries: Vectors, count: int, passing: RowMask | None) -> tuple[Vectors, Ids]:
        """Return products and numbers of the best rows of each query, shape (q, c) each, best first.

        Rows that do not pass may be among them. -1 stands where there are too few rows, or too few that pass.

        Args:
            queries: Shape (q, dim), float32, writable.
            count: Rows per query, at most `MAX_CANDIDATES`; c is this, or the number of rows where that is less.
            passing: Which rows may be named, shape (n,); None lets all pass.

        Raises:
            RuntimeError: The card has too little memory.
        """
