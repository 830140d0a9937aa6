"""The faiss door: an exact FAISS index behind the VectorIndex protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import (
    HalfVectors,
    Neighbors,
    check_add,
    check_search,
    from_half,
    inner_products,
    is_certainly_worse,
    to_half,
    top_k,
)

HALF = faiss.ScalarQuantizer.QT_fp16
"""How vectors are held; named here so that half an installation of faiss is noticed when it is imported."""

FEW = 1024
"""Up to this many allowed ids are scored one by one (1 ms), which is faster than a selector over a million vectors."""

BLOCK = 65536
"""Rows that are copied at once: 100 MB in float32 at 384 numbers each."""

MANY = 4
"""Queries from which matrix products over all of them are faster than a scan for each."""

TOGETHER = 256
"""Queries that are multiplied at once: with a block of vectors, 17 MB of products."""

DEEPEST = 1000
"""Results per query up to which these are kept for many queries at once."""

Rows = Ids | slice
"""Rows of an index, ascending: (n,), or from one to another."""


class FaissIndex:
    """`IndexScalarQuantizer` in float16 with ids: FAISS finds the candidates, exact inner products decide.

    One that was read from a file is a view of that file, mapped into memory, until it is changed.
    """

    def __init__(self, dim: int) -> None:
        self._hold(_empty(dim), mapped=False)

    def _hold(self, index: faiss.IndexIDMap, *, mapped: bool) -> None:
        self._index, self._mapped = index, mapped
        self._flat: Any = faiss.downcast_index(index.index)  # an IndexScalarQuantizer, which its stubs know by half
        self._ids: Ids = faiss.vector_to_array(index.id_map).copy()  # (n,) ascending; row i of _flat has id _ids[i]

    @property
    def _codes(self) -> HalfVectors:
        """FAISS's own memory, shape (n, dim), float16: never given away, for it moves and goes with the index."""
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
        """Add rows; see `VectorIndex.add`."""
        check_add(self._ids, ids, vectors, self.dim)
        if not len(ids):
            return
        self._own()
        self._index.add_with_ids(to_half(vectors).astype(np.float32), np.ascontiguousarray(ids))
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: Ids) -> int:
        """Remove rows by id and return how many were there."""
        gone = np.isin(self._ids, ids)
        if gone.any():
            self._own()
            self._index.remove_ids(faiss.IDSelectorBatch(self._ids[gone]))  # keeps the order of the others
            self._ids = self._ids[~gone]
        return int(gone.sum())

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of ids that are all held, shape (n, dim), unit length."""
        return from_half(self.half_vectors(ids))

    def half_vectors(self, ids: Ids) -> HalfVectors:
        """Return the vectors of ids that are all held as they are held, shape (n, dim), float16."""
        rows, held = self._places(ids)
        if not held.all():
            raise KeyError("an id is not in the index")
        return self._codes[rows]

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        """Return the k best ids for each query row; see `VectorIndex.search`."""
        queries = check_search(queries, k, self.dim)
        rows: Rows = slice(0, len(self))
        if allowed is not None:
            rows = _as_slice(*self._places(allowed))
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        if _count(rows):
            for i, (query, candidates) in enumerate(zip(queries, self._candidates(queries, k, rows), strict=True)):
                ids[i], scores[i] = top_k(
                    self._ids[candidates], inner_products(query, from_half(self._codes[candidates])), k
                )
        return Neighbors(ids, scores)

    def score(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Return those of some ids that are held, and the cosines of their vectors with a query; see `VectorIndex`."""
        rows, held = self._places(ids)
        return ids[held], inner_products(query, from_half(self._codes[rows[held]]))

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format (IndexIDMap over IndexScalarQuantizer)."""
        with path.open("wb") as file:  # opened here: FAISS takes no name that is not valid UTF-8
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]  # its stubs lack it

    @classmethod
    def load(cls, file: BinaryIO) -> FaissIndex:
        """Return an index that `save` wrote, from an open file at its beginning; what lies behind it is not looked at.

        It is mapped: nothing is read before it is searched, and processes share one copy in memory. The file may be
        closed and replaced by another, but must not be changed in place.

        Raises:
            RuntimeError: FAISS cannot read the file.
        """
        loaded, mapped = opened(file, faiss.IO_FLAG_MMAP_IFC)  # IO_FLAG_MMAP maps lists only
        if not isinstance(loaded, faiss.IndexIDMap):
            raise RuntimeError(f"it holds a {type(loaded).__name__}")  # noqa: TRY004 - as faiss says it itself
        inner = faiss.downcast_index(loaded.index)
        if not isinstance(inner, faiss.IndexScalarQuantizer) or inner.sq.qtype != HALF:
            raise RuntimeError(f"it holds a {type(inner).__name__} of another kind")
        index = cls(loaded.d)
        index._hold(loaded, mapped=mapped)
        return index

    def _own(self) -> None:
        """Copy what is mapped into memory of our own: on a change to mapped memory FAISS would end the process."""
        if not self._mapped:
            return
        owned, codes = _empty(self.dim), self._codes
        for start in range(0, len(self), BLOCK):
            end = start + BLOCK
            owned.add_with_ids(codes[start:end].astype(np.float32), self._ids[start:end])  # and back: to the same bits
        self._hold(owned, mapped=False)

    def _places(self, ids: Ids) -> tuple[Ids, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Return the row of each id (n,), and whether it is held (n,)."""
        places = np.searchsorted(self._ids, ids)
        inside = np.minimum(places, max(len(self._ids) - 1, 0))
        held = self._ids[inside] == ids if len(self._ids) else np.zeros(len(ids), dtype=bool)
        return inside, held

    def _candidates(self, queries: Vectors, k: int, rows: Rows) -> Iterator[Rows]:
        """Yield for each query rows that surely hold the k best of `rows`, ties of the last one included.

        The products that find them are off by what 2d float32 operations round on either side (Higham 2002, 3.1).
        """
        total = _count(rows)
        if total <= FEW:
            yield from (rows for _ in queries)
            return
        many = len(queries) >= MANY and k <= DEEPEST
        firsts = self._first_of_many(queries, k + 16, rows) if many else (None for _ in queries)
        for query, known in zip(queries, firsts, strict=True):
            rounding = 4 * self.dim * 2.0**-24 * float(np.linalg.norm(query))
            first, wanted = known, min(k + 16, total)
            while wanted < total:
                scores, found = first or self._first(query, wanted, rows)
                kth, last = scores[[k - 1, -1]].tolist()
                if is_certainly_worse(last, kth, error=rounding):
                    yield np.sort(found)
                    break
                first = None
                wanted *= 4
            else:
                yield rows

    def _first(self, query: Vectors, wanted: int, rows: Rows) -> tuple[Vectors, Ids]:
        """Return scores and rows of the best of one query, as FAISS finds them, (wanted,) each."""
        parameters = None
        if isinstance(rows, slice) and _count(rows) < len(self):
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorRange(rows.start, rows.stop))  # type: ignore[call-arg]  # its stubs lack it
        elif not isinstance(rows, slice):
            parameters = faiss.SearchParameters(sel=among(rows))  # type: ignore[call-arg]  # as above
        with single_threaded():
            scores, found = self._flat.search(query[None], wanted, params=parameters)
        return scores[0], found[0]

    def _first_of_many(self, queries: Vectors, wanted: int, rows: Rows) -> Iterator[tuple[Vectors, Ids]]:
        """Yield the same for many queries: matrix products over blocks of vectors that are made float32 once."""
        floats = np.empty((min(BLOCK // 4, _count(rows)), self.dim), dtype=np.float32)  # of one block after the other
        for start in range(0, len(queries), TOGETHER):
            part = queries[start : start + TOGETHER]
            best_yet = [_Best(wanted) for _ in part]
            for block in _blocks(rows, BLOCK // 4):
                numbers = np.arange(block.start, block.stop) if isinstance(block, slice) else block
                codes = self._codes[block].view(np.uint8)  # (b, 2 dim)
                with (
                    single_threaded()
                ):  # in half of NumPy's time; FAISS's threads would keep those of the product waiting
                    some = self._flat.sa_decode(codes, floats[: len(codes)])  # (b, dim)
                products = part @ some.T  # (q, b)
                better = products >= np.array([each.least for each in best_yet], dtype=np.float32)[:, None]
                for row in np.flatnonzero(better.any(axis=1)).tolist():
                    places = np.flatnonzero(better[row])
                    best_yet[row].take(products[row, places], numbers[places])
            for each in best_yet:
                yield each.scores, each.rows


class _Best:
    """The best so far of one query: scores and rows, best first, (n,) each, n at most `wanted`."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.scores: Vectors = np.empty(0, dtype=np.float32)
        self.rows: Ids = np.empty(0, dtype=np.int64)

    @property
    def least(self) -> float:
        """What a score must have to be among them."""
        return float(self.scores[-1]) if len(self.scores) == self._wanted else -np.inf

    def take(self, scores: Vectors, rows: Ids) -> None:
        """Take in more."""
        scores, rows = np.concatenate([self.scores, scores]), np.concatenate([self.rows, rows])
        if len(scores) > 4 * self._wanted:
            few = np.argpartition(-scores, self._wanted - 1)[: self._wanted]
            scores, rows = scores[few], rows[few]
        order = np.argsort(-scores, kind="stable")[: self._wanted]
        self.scores, self.rows = scores[order], rows[order]


def _as_slice(places: Ids, held: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rows:
    """Return the rows of the ids that are held, ascending: as a slice where none between them is left out."""
    rows = places[held]
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _count(rows: Rows) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def _blocks(rows: Rows, size: int) -> Iterator[Rows]:
    for start in range(0, _count(rows), size):
        if isinstance(rows, slice):
            yield slice(rows.start + start, min(rows.start + start + size, rows.stop))
        else:
            yield rows[start : start + size]


def among(numbers: Ids) -> faiss.IDSelector:
    """Return what lets some numbers pass, (n,) ascending; a bit for each up to the highest is faster than a set."""
    mask = np.zeros(int(numbers[-1]) + 1 if len(numbers) else 1, dtype=np.bool_)
    mask[numbers] = True
    bits = np.packbits(mask, bitorder="little")
    return faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # its stubs are those of C++


@contextmanager
def single_threaded() -> Iterator[None]:
    """Have FAISS take one thread: for one query two are slower, much slower on a busy machine."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _empty(dim: int) -> faiss.IndexIDMap:
    return faiss.IndexIDMap(faiss.IndexScalarQuantizer(dim, HALF, faiss.METRIC_INNER_PRODUCT))


def opened(file: BinaryIO, mapping: int) -> tuple[faiss.Index, bool]:
    """Return what FAISS reads from an open file at its beginning, and whether that is mapped.

    FAISS maps by name only. The name of an open file is that of this very file, whatever stands at its path now.

    Args:
        file: A file that FAISS wrote.
        mapping: The flag of FAISS under which it maps such an index.
    """
    for folder in ("/proc/self/fd", "/dev/fd"):  # Linux; macOS. On Windows a mapped file could not be replaced
        name = Path(folder, str(file.fileno()))
        if name.exists():
            with suppress(RuntimeError):  # a file system without mapping, or no index: the other way says what is wrong
                return faiss.read_index(str(name), mapping), True
    return faiss.read_index(faiss.PyCallbackIOReader(file.read)), False  # type: ignore[attr-defined]  # its stubs lack it
