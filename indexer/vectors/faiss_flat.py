"""Exact search with FAISS: the adapter module for its flat index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from indexer.vectors.base import (
    Allowed,
    HalfVectors,
    IndexInMemory,
    Neighbors,
    check_add,
    check_search,
    from_half,
    inner_products,
    is_certainly_worse,
    listed,
    to_half,
    top_k,
)
from indexer.vectors.faiss_runtime import load_index, row_selector, save_index, single_threaded
from indexer.vectors.row_scan import Rows, row_count, scan_rows, to_range

_FLOAT16 = faiss.ScalarQuantizer.QT_fp16
"""How vectors are stored; looked up at import, so that a partial installation of faiss fails there."""

MAX_SCORED_ROWS = 1024
"""Up to this many allowed rows are all scored (1 ms), which is faster than a selector over a million vectors."""

_COPY_BLOCK = 65536
"""Rows that are copied at once: 100 MB in float32 with 384 dimensions."""

_MIN_SCANNED_QUERIES = 4
"""From this many queries on, matrix products over all of them are faster than a FAISS search for each."""

_MAX_SCANNED_RESULTS = 1000
"""Up to this many results per query, results are collected for all queries at once."""

_EXTRA_CANDIDATES = (16, 0.125)
"""Candidates found in addition to the requested results: at least, and for each of them, since the products of many lie
closer together."""


class FaissIndex(IndexInMemory):
    """An exact `VectorIndex`: an `IndexScalarQuantizer` in float16 finds candidates, exact inner products rank them.

    An index loaded from a file is mapped into memory and read-only until it is changed.
    """

    def __init__(self, dim: int) -> None:
        self._set_index(_empty(dim), mapped=False)

    def _set_index(self, index: faiss.IndexIDMap, *, mapped: bool) -> None:
        self._index, self._mapped = index, mapped
        self._flat: Any = faiss.downcast_index(index.index)  # an IndexScalarQuantizer; the stubs are incomplete
        self._ids: Ids = faiss.vector_to_array(index.id_map).copy()  # (n,) ascending; row i of _flat has id _ids[i]

    @property
    def _codes(self) -> HalfVectors:
        """FAISS's own memory, shape (n, dim), float16; never passed on, because it moves and ends with the index."""
        if not len(self._ids):
            return np.empty((0, self.dim), dtype=np.float16)
        raw = faiss.rev_swig_ptr(self._flat.codes.data(), len(self._ids) * self.dim * 2)
        codes: HalfVectors = raw.view(np.float16).reshape(len(self._ids), self.dim)
        return codes

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def ids(self) -> Ids:
        """All ids, ascending, shape (n,)."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors; see `VectorIndex.add`."""
        check_add(self._ids, ids, vectors, self.dim)
        if not len(ids):
            return
        self._copy_if_mapped()
        self._index.add_with_ids(to_half(vectors).astype(np.float32), np.ascontiguousarray(ids))
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: Ids) -> int:
        """Remove vectors by id and return how many were in the index."""
        removed = np.isin(self._ids, ids)
        if removed.any():
            self._copy_if_mapped()
            self._index.remove_ids(faiss.IDSelectorBatch(self._ids[removed]))  # keeps the order of the others
            self._ids = self._ids[~removed]
        return int(removed.sum())

    def vectors(self, ids: Ids) -> Vectors:
        """Return vectors by id, shape (n, dim), unit length; see `VectorIndex.vectors`."""
        return from_half(self.half_vectors(ids))

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return vectors by id as they are stored, shape (n, dim), float16; see `VectorIndex.half_vectors`."""
        rows, exists = self._rows_of(ids)
        if not exists.all():
            raise KeyError("an id is not in the index")
        return self._codes[rows]

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        """Return the k best ids for each query row; see `VectorIndex.search`."""
        queries = check_search(queries, k, self.dim)
        rows: Rows = slice(0, len(self))
        allowed_ids = listed(allowed)
        if allowed_ids is not None:
            allowed_rows, exists = self._rows_of(allowed_ids)
            rows = to_range(allowed_rows[exists])
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        if row_count(rows):
            for i, (query, candidates) in enumerate(zip(queries, self._candidates(queries, k, rows), strict=True)):
                products = inner_products(query, from_half(self._codes[candidates]))
                ids[i], scores[i] = top_k(self._ids[candidates], products, k)
        return Neighbors(ids, scores)

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return the given ids that are in the index, and their cosines with a query; see `VectorIndex.score`."""
        rows, exists = self._rows_of(ids)
        return ids[exists], inner_products(query, from_half(self._codes[rows[exists]]))

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format (IndexIDMap over IndexScalarQuantizer)."""
        save_index(self._index, path)

    @classmethod
    def load(cls, file: BinaryIO) -> FaissIndex:
        """Return an index that `save` wrote, from an open file at its beginning; bytes after the index are ignored.

        The file is mapped: nothing is read before it is searched, and processes share one copy in memory. It may be
        closed, and replaced by another file, but must not be changed in place.

        Raises:
            RuntimeError: FAISS cannot read the file, or it holds another type of index.
        """
        loaded, mapped = load_index(file, faiss.IO_FLAG_MMAP_IFC)  # IO_FLAG_MMAP maps inverted lists only
        if not isinstance(loaded, faiss.IndexIDMap):
            raise RuntimeError(f"it holds a {type(loaded).__name__}")  # noqa: TRY004 - FAISS's own class of error
        inner = faiss.downcast_index(loaded.index)
        if not isinstance(inner, faiss.IndexScalarQuantizer) or inner.sq.qtype != _FLOAT16:
            raise RuntimeError(f"it holds a {type(inner).__name__} that is not in float16")
        index = cls(loaded.d)
        index._set_index(loaded, mapped=mapped)
        return index

    def _copy_if_mapped(self) -> None:
        """Copy a mapped index into memory before a change: changing mapped memory would crash the process."""
        if not self._mapped:
            return
        copy, codes = _empty(self.dim), self._codes
        for start in range(0, len(self), _COPY_BLOCK):
            end = start + _COPY_BLOCK
            copy.add_with_ids(codes[start:end].astype(np.float32), self._ids[start:end])  # back to the same bits
        self._set_index(copy, mapped=False)

    def _rows_of(self, ids: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        """Return the row of each id (n,), and whether it is in the index (n,)."""
        rows = np.minimum(np.searchsorted(self._ids, ids), max(len(self._ids) - 1, 0))
        exists = self._ids[rows] == ids if len(self._ids) else np.zeros(len(ids), dtype=bool)
        return rows, exists

    def _candidates(self, queries: Vectors, k: int, rows: Rows) -> Iterator[Rows]:
        """Yield for each query a part of `rows` that certainly contains the k best, with all ties of the last one.

        The products that find them are off by the rounding of 2d float32 operations on either side (Higham 2002, 3.1).
        """
        total = row_count(rows)
        if total <= MAX_SCORED_ROWS:
            yield from (rows for _ in queries)
            return
        at_least, for_each = _EXTRA_CANDIDATES
        initial = k + max(at_least, int(k * for_each))
        scanned: Iterator[tuple[Vectors, Ids] | None] = iter([None] * len(queries))
        if len(queries) >= _MIN_SCANNED_QUERIES and k <= _MAX_SCANNED_RESULTS:
            scanned = scan_rows(queries, initial, rows, decode=self._decode)
        for query, first in zip(queries, scanned, strict=True):
            rounding = 4 * self.dim * 2.0**-24 * float(np.linalg.norm(query))
            best, count = first, min(initial, total)
            while count < total:
                products, numbers = best or self._search_rows(query, count, rows)
                kth, last = products[[k - 1, -1]].tolist()
                if is_certainly_worse(last, kth, error=rounding):
                    yield np.sort(numbers)
                    break
                best = None
                count *= 4
            else:
                yield rows

    def _search_rows(self, query: Vectors, count: int, rows: Rows) -> tuple[Vectors, Ids]:
        """Return products and numbers of the best rows of one query, found by FAISS, (count,) each."""
        parameters = None
        if isinstance(rows, slice) and row_count(rows) < len(self):
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorRange(rows.start, rows.stop))  # type: ignore[call-arg]  # missing in the stubs
        elif not isinstance(rows, slice):
            parameters = faiss.SearchParameters(sel=row_selector(rows))  # type: ignore[call-arg]  # as above
        with single_threaded():
            products, numbers = self._flat.search(query[None], count, params=parameters)
        return products[0], numbers[0]

    def _decode(self, rows: Rows, buffer: Vectors) -> Vectors:
        """Return the stored vectors of some rows as float32, shape (n, dim), in half of NumPy's time."""
        with single_threaded():  # FAISS's idle threads would slow down the matrix product that follows
            vectors: Vectors = self._flat.sa_decode(self._codes[rows].view(np.uint8), buffer)
        return vectors


def _empty(dim: int) -> faiss.IndexIDMap:
    return faiss.IndexIDMap(faiss.IndexScalarQuantizer(dim, _FLOAT16, faiss.METRIC_INNER_PRODUCT))
