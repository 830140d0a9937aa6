"""The second faiss door: inverted files, which name candidates without looking at every vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np

from indexer.types import Ids, Progress, ProgressCallback, Vectors
from indexer.vectors.faiss_flat import opened, single_threaded
from indexer.vectors.kinds import Kind

BLOCK = 32768
"""Vectors that are added at once: 64 MB in float32 at 512 numbers each."""

FEWEST = 40
"""Vectors per list at least, from which k-means finds where it belongs; FAISS asks for 39."""

EACH = 64
"""Vectors per list that k-means learns from where there are more.

Of clusters that it does not see some are not found again: of 100,000 clustered vectors, with 40 a list .990 of the ten
best in the four nearest lists, with 80 all of them.
"""

ROUNDS = 10
"""Of k-means, as FAISS's own inverted files take."""

MOST_LISTS = 8192
"""With more, finding the nearest lists would take longer than looking through them."""


BITS: dict[Kind, int] = {"ivf-sq8": faiss.ScalarQuantizer.QT_8bit, "ivf-sq4": faiss.ScalarQuantizer.QT_4bit}
"""How FAISS's scalar quantiser takes each number, of the kinds that have one."""


class InvertedFile:
    """A FAISS inverted file under the ids of its vectors; never changed once it is built."""

    def __init__(self, index: faiss.IndexIVF) -> None:
        self._index: Any = index  # its stubs know the classes by half
        self._usual: tuple[int, Any] | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return int(self._index.nlist)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        """Return the ids of likely neighbours of each query, shape (q, count), likely best first; -1 where too few.

        Args:
            queries: Unit vectors, shape (q, dim), float32, contiguous.
            count: Candidates per query.
            probes: Lists that are looked through.
        """
        if self._usual is None or self._usual[0] != probes:  # to make them takes as long as the search
            self._usual = (probes, faiss.SearchParametersIVF(nprobe=min(probes, self.lists)))  # type: ignore[call-arg]  # its stubs lack it
        parameters: Any = self._usual[1]
        with single_threaded() if len(queries) == 1 else nullcontext():
            _, found = self._index.search(queries, count, params=parameters)
        ids: Ids = found
        return ids

    def save(self, path: Path) -> None:
        """Write it to a file, in FAISS's own format."""
        with path.open("wb") as file:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]  # its stubs lack it

    @classmethod
    def load(cls, file: BinaryIO) -> InvertedFile:
        """Return one that `save` wrote, from an open file at its beginning.

        What can be mapped is: "ivf-sq8" and "ivf-sq4" are not read before they are searched, then list by list. See
        `FaissIndex.load`.

        Raises:
            RuntimeError: FAISS cannot read the file.
        """
        loaded, mapped = opened(file, faiss.IO_FLAG_MMAP)
        if not isinstance(loaded, faiss.IndexIVF):
            raise RuntimeError(f"it holds a {type(loaded).__name__}")  # noqa: TRY004 - as FAISS says it itself
        if mapped:
            inverted: Any = loaded
            lists: Any = faiss.downcast_InvertedLists(inverted.invlists)
            if isinstance(lists, faiss.OnDiskInvertedLists):
                lists.prefetch_nthread = 0  # its threads cost 4 ms a query, and what they would fetch is in memory
        return cls(loaded)


class Builder:
    """Makes inverted files over the same vectors: their lists are found once."""

    def __init__(
        self, ids: Ids, vectors: Callable[[Ids], Vectors], dim: int, *, progress: ProgressCallback | None
    ) -> None:
        """Find the lists by k-means.

        Args:
            ids: Of the vectors, shape (n,), ascending.
            vectors: Gives vectors by id, shape (n, dim), float32, unit length.
            dim: Their length.
            progress: Called with rounds of k-means, then with vectors added.
        """
        self._ids, self._vectors, self._dim, self._progress = ids, vectors, dim, progress
        self._lists = lists_for(len(ids))
        rows = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), EACH * self._lists)).astype(np.int64))
        self._sample = vectors(ids[rows])
        self._centroids = self._found_centroids()

    def build(self, kind: Kind) -> InvertedFile:
        """Return an inverted file with all vectors."""
        index = _empty(kind, self._dim, self._lists, self._centroids)
        with single_threaded():  # hundreds of tiny k-means: on two threads of a busy machine 60 s, on one 0.4
            index.train(self._sample)
        for done, ids in self._blocks():
            index.add_with_ids(self._vectors(ids), np.ascontiguousarray(ids))
            self._tell(f"building {kind}", done + len(ids), len(self._ids))
        return InvertedFile(index)

    def _found_centroids(self) -> Vectors:
        """Return the centres of the lists, shape (lists, dim); one round at a time, so that Ctrl-C is heard."""
        random = np.random.default_rng(0)
        found = self._sample[random.permutation(len(self._sample))[: self._lists]]
        for number in range(ROUNDS):
            means: Any = faiss.Kmeans(
                self._dim, self._lists, niter=1, spherical=True, seed=number, min_points_per_centroid=1,
                max_points_per_centroid=EACH,
            )  # fmt: skip
            means.train(self._sample, init_centroids=found)
            found = means.centroids
            self._tell("finding lists", number + 1, ROUNDS)
        return found

    def _blocks(self) -> Iterator[tuple[int, Ids]]:
        for start in range(0, len(self._ids), BLOCK):
            yield start, self._ids[start : start + BLOCK]

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(Progress(stage, done, total))


def lists_for(n: int) -> int:
    """Return how many lists n vectors are put into: about four times the root of n, a power of two.

    That many are what FAISS's guidelines name; fewer where k-means would have too little to learn from.
    """
    wanted = min(4 * math.sqrt(n), n / FEWEST)
    return min(MOST_LISTS, 1 << round(math.log2(max(wanted, 1))))


def expected_bytes(kind: Kind, n: int, dim: int) -> int:
    """Return about how many bytes an inverted file over n vectors takes: codes, ids, padding and centres."""
    lists = lists_for(n)
    code = {"ivf-sq8": dim, "ivf-sq4": dim / 2, "ivf-pq4": _subspaces(dim) / 2, "ivf-rabitq": dim / 8 + 8}[kind]
    padding = 0 if kind in BITS else 16  # rows: FAISS's fast scan keeps them in blocks of 32
    return int((n + lists * padding) * code + n * 8 + lists * dim * 4)


def _empty(kind: Kind, dim: int, lists: int, centroids: Vectors) -> Any:
    coarse = faiss.IndexFlatIP(dim)
    coarse.add(centroids)
    metric = faiss.METRIC_INNER_PRODUCT
    of_residuals = True
    if kind in BITS:
        index: Any = faiss.IndexIVFScalarQuantizer(coarse, dim, lists, BITS[kind], metric, of_residuals)
    elif kind == "ivf-pq4":
        index = faiss.IndexIVFPQFastScan(coarse, dim, lists, _subspaces(dim), 4, metric)
    else:
        index = faiss.IndexIVFRaBitQFastScan(coarse, dim, lists, metric)
    return index


def _subspaces(dim: int) -> int:
    """Return into how many parts of equal length product quantisation cuts a vector: of two numbers where it can."""
    return next(parts for parts in range(max(1, dim // 2), 0, -1) if dim % parts == 0)
