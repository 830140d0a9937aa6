"""An exact index whose candidates are found on a GPU: products with all vectors there, exact cosines here."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Allowed, MutableIndex, Neighbors, check_search, is_certainly_worse, listed, top_k
from indexer.vectors.delegating import DelegatingIndex
from indexer.vectors.gpu.backend import MAX_CANDIDATES, GpuBackend, RowMask

logger = logging.getLogger(__name__)

QUERIES_BEFORE_UPLOAD = 10
"""Queries that are answered on the CPU before the vectors are uploaded; a command has one or two.

Reading the vectors out of an index takes as long as 5 searches of it (500,000 x 512 on one core: .26 and .05 s), and
then they have to be copied to the GPU.
"""

EXTRA_CANDIDATES = 16
"""Candidates found in addition to the requested results."""

MAX_RESULTS = 1000
"""More results than this are searched on the CPU: only statistics need them, and rarely."""

MIN_ALLOWED_SHARE = 0.1
"""Filters that allow a smaller share of the vectors are searched on the CPU, where every allowed vector is scored."""

MAX_REMOVED_SHARE = 0.1
"""If a larger share of a backend's rows has been removed, all vectors are uploaded again."""

PRODUCT_ERROR = 2.0**-10
"""How far a product on a GPU may be off for a query of length 1.

FAISS rounds the query to float16, and torch rounds it to as many bits if TF32 is enabled. This changes each component
by 2**-11 of its value, or by twice that if it is truncated. Stored vectors are float16 already, and sums are float32.
"""

UPLOAD_BLOCK = 65536
"""Vectors that are uploaded at once."""


class GpuIndex(DelegatingIndex):
    """A `VectorIndex` that returns what its exact index returns, and passes changes on to it.

    The vectors are uploaded once there have been enough queries to be worth it. If the GPU has too little memory, the
    exact index is searched from then on.
    """

    def __init__(self, exact: MutableIndex, make_backend: Callable[[], GpuBackend]) -> None:
        """Combine a GPU with an exact index.

        Args:
            exact: Holds the vectors.
            make_backend: Returns an empty backend.
        """
        super().__init__(exact)
        self._make_backend = make_backend
        self._backend: GpuBackend | None = None
        self._rows: Ids = np.empty(0, dtype=np.int64)  # (n,) the id of each row on the GPU, -1 if it was removed
        self._query_count = 0
        self._fits = True

    @property
    def fits(self) -> bool:
        """Whether the GPU has had enough memory so far."""
        return self._fits

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; see `MutableIndex.add`."""
        self._exact.add(ids, vectors)
        if self._backend is not None:
            self._upload(self._backend, ids)

    def remove(self, ids: Ids) -> int:
        """Remove vectors by id and return how many were in the index."""
        self._rows[np.isin(self._rows, ids)] = -1
        if np.count_nonzero(self._rows == -1) > MAX_REMOVED_SHARE * len(self._rows):
            self._drop_backend()
        return self._exact.remove(ids)

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return the k best ids for each query row; see `VectorIndex.search`.

        Searches with few allowed ids, or for many results, run on the CPU.
        """
        queries, allowed = check_search(queries, k, self.dim), listed(allowed)
        is_small = not len(self) or (allowed is not None and len(allowed) < MIN_ALLOWED_SHARE * len(self))
        backend = None if is_small or k > MAX_RESULTS else self._ready_backend(len(queries))
        if backend is not None:
            try:
                return self._search_gpu(backend, queries, k, allowed)
            except RuntimeError as error:
                self._give_up(error)
        return self._exact.search(queries, k, allowed=allowed)

    def _ready_backend(self, queries: int) -> GpuBackend | None:
        """Return the backend with all vectors; None before there were enough queries, and if memory is too small."""
        self._query_count += queries
        if self._backend is None and self._fits and self._query_count > QUERIES_BEFORE_UPLOAD:
            try:
                self._backend = self._make_backend()
            except (RuntimeError, ImportError) as error:
                self._give_up(error)
            else:
                self._upload(self._backend, self.ids)
        return self._backend

    def _upload(self, backend: GpuBackend, ids: Ids) -> None:
        """Upload vectors of the exact index."""
        try:
            for start in range(0, len(ids), UPLOAD_BLOCK):
                backend.add(self.half_vectors(ids[start : start + UPLOAD_BLOCK]))
        except RuntimeError as error:
            self._give_up(error)
        else:
            self._rows = np.concatenate([self._rows, ids])

    def _drop_backend(self) -> None:
        self._backend, self._rows = None, self._rows[:0]

    def _give_up(self, error: RuntimeError | ImportError) -> None:
        self._drop_backend()
        self._fits = False
        reason = str(error).strip().partition("\n")[0]
        logger.warning("the GPU cannot search %d vectors (%s); the CPU is used instead", len(self), reason)

    def _search_gpu(self, backend: GpuBackend, queries: Vectors, k: int, allowed: Ids | None) -> Neighbors:
        """Return the exact result: find more and more candidates until they certainly contain the best."""
        mask = self._rows != -1  # (n,)
        if allowed is not None:
            mask &= np.isin(self._rows, allowed)
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        pending, count = np.arange(len(queries)), min(k + EXTRA_CANDIDATES, MAX_CANDIDATES)
        while len(pending):
            products, rows = backend.top_k(queries[pending], count, None if mask.all() else mask)
            uncertain = []
            for i, row_products, numbers in zip(pending.tolist(), products, rows, strict=True):
                is_match = (numbers != -1) & mask[numbers]
                if self._is_certain(queries[i], row_products, numbers, is_match, k):
                    ids[i], scores[i] = top_k(*self.score(queries[i], self._rows[numbers[is_match]]), k)
                else:
                    uncertain.append(i)
            pending = np.array(uncertain, dtype=np.int64)
            if count == MAX_CANDIDATES and uncertain:
                ids[pending], scores[pending] = self._exact.search(queries[pending], k, allowed=allowed)
                break
            count = min(4 * count, MAX_CANDIDATES)
        return Neighbors(ids, scores)

    def _is_certain(self, query: Vectors, products: Vectors, rows: Ids, is_match: RowMask, k: int) -> bool:
        """Return whether every other row certainly scores below the k best matches among these rows."""
        if len(rows) == len(self._rows) or (rows == -1).any():
            return True  # these are all matches
        if np.count_nonzero(is_match) < k:
            return False
        error = (PRODUCT_ERROR + 4 * self.dim * 2.0**-24) * float(np.linalg.norm(query))
        return is_certainly_worse(float(products[-1]), float(products[is_match][k - 1]), error=error)
