"""The faiss door: an exact FAISS index behind the VectorIndex protocol."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import faiss
import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Nearest, best, check_add, check_search, score

FEW = 4096
"""Up to this many allowed ids are scored one by one, which is faster than a selector over the whole index."""

TIE = np.float32(1e-6)
"""Scores nearer than this may be ties that a matrix product rounded apart (float32 epsilon is 1.2e-7)."""


class FaissIndex:
    """`IndexFlatIP` with ids: exact inner products over all vectors."""

    def __init__(self, dim: int) -> None:
        self._hold(faiss.IndexIDMap(faiss.IndexFlatIP(dim)))

    def _hold(self, index: faiss.IndexIDMap) -> None:
        self._index = index
        self._flat: faiss.Index = faiss.downcast_index(index.index)
        self._ids: Ids = faiss.vector_to_array(index.id_map).copy()  # (n,) ascending; row i of _flat has id _ids[i]

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
        """Add rows; see `VectorIndex.add`."""
        check_add(self._ids, ids, vectors, self.dim)
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: Ids) -> int:
        """Remove rows by id and return how many were there."""
        removed = int(
            self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids)))
        )  # keeps the order of the others
        self._ids = self._ids[~np.isin(self._ids, ids)]
        return removed

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of ids that are all held, shape (n, dim)."""
        rows, held = self._places(ids)
        if not held.all():
            raise KeyError("an id is not in the index")
        return self._rows(rows)

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Nearest:
        """Return the k best ids for each query row; see `VectorIndex.search`."""
        queries = check_search(queries, k, self.dim)
        if allowed is None:
            rows = np.arange(len(self))
        else:
            places, held = self._places(allowed)
            rows = places[held]
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        if len(rows):
            for i, query in enumerate(queries):
                candidates = rows if len(rows) <= FEW else self._candidates(query, k, rows)
                ids[i], scores[i] = best(self._ids[candidates], score(query, self._rows(candidates)), k)
        return Nearest(ids, scores)

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format (IndexIDMap over IndexFlatIP)."""
        with path.open("wb") as file:  # opened here: FAISS takes no name that is not valid UTF-8
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]  # its stubs lack it

    @classmethod
    def load(cls, file: BinaryIO) -> FaissIndex:
        """Return an index that `save` wrote, from an open file; what lies behind it is not looked at.

        Raises:
            RuntimeError: FAISS cannot read the file.
        """
        loaded = faiss.read_index(faiss.PyCallbackIOReader(file.read))  # type: ignore[attr-defined]  # its stubs lack it
        if not isinstance(loaded, faiss.IndexIDMap):
            raise RuntimeError(f"it holds a {type(loaded).__name__}")  # noqa: TRY004 - as faiss says it itself
        index = cls(loaded.d)
        index._hold(loaded)
        return index

    def _places(self, ids: Ids) -> tuple[Ids, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Return the row of each id (n,), and whether it is held (n,)."""
        places = np.searchsorted(self._ids, ids)
        inside = np.minimum(places, max(len(self._ids) - 1, 0))
        held = self._ids[inside] == ids if len(self._ids) else np.zeros(len(ids), dtype=bool)
        return inside, held

    def _rows(self, rows: Ids) -> Vectors:
        vectors: Vectors = self._flat.reconstruct_batch(rows)
        return vectors

    def _candidates(self, query: Vectors, k: int, rows: Ids) -> Ids:
        """Return rows that surely hold the k best of `rows`, ties of the last one included."""
        parameters = None
        if len(rows) < len(self):
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(rows))  # type: ignore[call-arg]  # its stubs lack it
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # one query on two threads is slower, much slower on a busy machine
        try:
            wanted = min(k + 16, len(rows))
            while True:
                scores, found = self._flat.search(query[None], wanted, params=parameters)
                if wanted == len(rows) or scores[0, -1] < scores[0, k - 1] - TIE:
                    return np.sort(found[0])
                wanted = min(wanted * 4, len(rows))
        finally:
            faiss.omp_set_num_threads(threads)
