"""An index whose candidates are named on a GPU: products of all vectors there, exact cosines here decide."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Neighbors, VectorIndex, check_search, is_certainly_worse, top_k
from indexer.vectors.delegating import DelegatingIndex
from indexer.vectors.gpu.backend import MAX_CANDIDATES, GpuBackend, RowMask

logger = logging.getLogger(__name__)

QUERIES_BEFORE_UPLOAD = 10
"""Queries that are answered without the card before the vectors are put there: a command asks one or two.

To read the vectors out of an index takes as long as 5 searches of it (500,000 x 512 on one core: .26 and .05 s), and
they have to be copied to the card still.
"""

EXTRA_CANDIDATES = 16
"""Candidates that are named beside those that are wanted."""

MAX_RESULTS = 1000
"""Results from which the exact index is searched: so many are wanted for statistics, and never often."""

MIN_ALLOWED_SHARE = 0.1
"""Share of the vectors that a filter must leave for the card to serve; less is scored exactly, where it is."""

MAX_REMOVED_SHARE = 0.1
"""Part of a card's rows that may be removed before all is put there anew."""

PRODUCT_ERROR = 2.0**-10
"""How far a product on a card may be off for a query of length 1.

FAISS rounds the query to float16 and torch, where somebody has allowed TF32, to as many bits: each number by 2**-11 of
itself, or by twice that where it is cut. What is held is float16 already, and sums are float32.
"""

UPLOAD_BLOCK = 65536
"""Vectors that are put on a card at once."""


class GpuIndex(DelegatingIndex):
    """A `VectorIndex` over an exact one that is changed through this; it finds what that finds.

    The card is filled when enough was asked to be worth it. Where it has too little memory the exact index is searched
    from then on.
    """

    def __init__(self, exact: VectorIndex, make: Callable[[], GpuBackend]) -> None:
        """Put a card before an exact index.

        Args:
            exact: Holds the vectors.
            make: Gives an empty card.
        """
        super().__init__(exact)
        self._make = make
        self._card: GpuBackend | None = None
        self._rows: Ids = np.empty(0, dtype=np.int64)  # (n,) the id of each row on the card, -1 where it is removed
        self._asked = 0
        self._fits = True

    @property
    def fits(self) -> bool:
        """Whether the card has had memory enough so far."""
        return self._fits

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add rows; see `VectorIndex.add`."""
        self._exact.add(ids, vectors)
        if self._card is not None:
            self._put(self._card, ids)

    def remove(self, ids: Ids) -> int:
        """Remove rows by id and return how many were there."""
        self._rows[np.isin(self._rows, ids)] = -1
        if np.count_nonzero(self._rows == -1) > MAX_REMOVED_SHARE * len(self._rows):
            self._drop()
        return self._exact.remove(ids)

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        """Return the k best ids for each query row; see `VectorIndex.search`.

        Few allowed ids and many results are searched without the card.
        """
        queries = check_search(queries, k, self.dim)
        few = not len(self) or (allowed is not None and len(allowed) < MIN_ALLOWED_SHARE * len(self))
        card = None if few or k > MAX_RESULTS else self._filled(len(queries))
        if card is not None:
            try:
                return self._found(card, queries, k, allowed)
            except RuntimeError as error:
                self._give_up(error)
        return self._exact.search(queries, k, allowed=allowed)

    def _filled(self, queries: int) -> GpuBackend | None:
        """Return the card with all vectors, None where it is too early for it or where it has too little memory."""
        self._asked += queries
        if self._card is None and self._fits and self._asked > QUERIES_BEFORE_UPLOAD:
            try:
                self._card = self._make()
            except (RuntimeError, ImportError) as error:
                self._give_up(error)
            else:
                self._put(self._card, self.ids)
        return self._card

    def _put(self, card: GpuBackend, ids: Ids) -> None:
        """Put vectors that are held on the card."""
        try:
            for start in range(0, len(ids), UPLOAD_BLOCK):
                card.add(self.half_vectors(ids[start : start + UPLOAD_BLOCK]))
        except RuntimeError as error:
            self._give_up(error)
        else:
            self._rows = np.concatenate([self._rows, ids])

    def _drop(self) -> None:
        self._card, self._rows = None, self._rows[:0]

    def _give_up(self, error: RuntimeError | ImportError) -> None:
        self._drop()
        self._fits = False
        reason = str(error).strip().partition("\n")[0]
        logger.warning("the GPU cannot search %d vectors, so the CPU does: %s", len(self), reason)

    def _found(self, card: GpuBackend, queries: Vectors, k: int, allowed: Ids | None) -> Neighbors:
        """Return what the exact index would: for more and more candidates, until they surely hold the best."""
        live = self._rows != -1  # (n,)
        passing = live if allowed is None else live & np.isin(self._rows, allowed)
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        open_ones, count = np.arange(len(queries)), min(k + EXTRA_CANDIDATES, MAX_CANDIDATES)
        while len(open_ones):
            named, rows = card.top_k(queries[open_ones], count, None if passing.all() else passing)
            unsure = []
            for place, products, numbers in zip(open_ones.tolist(), named, rows, strict=True):
                good = (numbers != -1) & passing[numbers]
                if self._certified_exact(queries[place], products, numbers, good, k):
                    ids[place], scores[place] = top_k(*self.score(queries[place], self._rows[numbers[good]]), k)
                else:
                    unsure.append(place)
            open_ones = np.array(unsure, dtype=np.int64)
            if count == MAX_CANDIDATES and unsure:
                ids[open_ones], scores[open_ones] = self._exact.search(queries[open_ones], k, allowed=allowed)
                break
            count = min(4 * count, MAX_CANDIDATES)
        return Neighbors(ids, scores)

    def _certified_exact(self, query: Vectors, products: Vectors, numbers: Ids, good: RowMask, k: int) -> bool:
        """Return whether all that are not named are worse than the k best of those that are, and that pass."""
        if len(numbers) == len(self._rows) or (numbers == -1).any():
            return True  # all that pass are named
        if np.count_nonzero(good) < k:
            return False
        error = (PRODUCT_ERROR + 4 * self.dim * 2.0**-24) * float(np.linalg.norm(query))
        return is_certainly_worse(float(products[-1]), float(products[good][k - 1]), error=error)
