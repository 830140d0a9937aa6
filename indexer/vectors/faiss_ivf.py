"""Inverted files: the adapter module for the FAISS indexes that find candidates without reading every vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np

from indexer.types import Ids, Progress, ProgressCallback, Vectors
from indexer.vectors.faiss_runtime import load_index, save_index, single_threaded
from indexer.vectors.kinds import Kind

_ADD_BLOCK = 32768
"""Vectors that are added at once: 64 MB in float32 with 512 dimensions."""

_MIN_VECTORS_PER_LIST = 40
"""Vectors per list that k-means needs at least; FAISS warns below 39."""

_TRAINING_VECTORS_PER_LIST = 64
"""Vectors per list that k-means is trained on if there are more.

Clusters that the training set misses are partly not found: of 100,000 clustered vectors, 40 per list gave a recall@10
of .990 in the four nearest lists, and 80 per list gave 1.000.
"""

_KMEANS_ROUNDS = 10
"""Iterations of k-means, as in FAISS's own inverted files."""

_MAX_LISTS = 8192
"""With more lists, finding the nearest ones would take longer than searching them."""

_SCALAR_QUANTIZERS: dict[Kind, int] = {
    "ivf-sq8": faiss.ScalarQuantizer.QT_8bit,
    "ivf-sq4": faiss.ScalarQuantizer.QT_4bit,
}
"""FAISS's scalar quantizer of each kind that has one."""


class InvertedFile:
    """A FAISS inverted file over vectors with their ids; it is never changed after it is built."""

    def __init__(self, index: faiss.IndexIVF) -> None:
        self._index: Any = index  # the stubs are incomplete
        self._parameters: tuple[int, Any] | None = None  # nprobe of the last search, and FAISS's object for it

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def lists(self) -> int:
        """Number of lists."""
        return int(self._index.nlist)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def candidates(self, queries: Vectors, count: int, *, probes: int) -> Ids:
        """Return the ids of likely neighbours of each query, shape (q, count), likely best first; -1 if too few.

        Args:
            queries: Unit vectors, shape (q, dim), float32, contiguous.
            count: Candidates per query.
            probes: Lists that are searched.
        """
        if self._parameters is None or self._parameters[0] != probes:  # making the object takes as long as a search
            self._parameters = (probes, faiss.SearchParametersIVF(nprobe=min(probes, self.lists)))  # type: ignore[call-arg]  # missing in the stubs
        parameters: Any = self._parameters[1]
        with single_threaded() if len(queries) == 1 else nullcontext():
            _, neighbors = self._index.search(queries, count, params=parameters)
        ids: Ids = neighbors
        return ids

    def save(self, path: Path) -> None:
        """Write the inverted file to a file, in FAISS's own format."""
        save_index(self._index, path)

    @classmethod
    def load(cls, file: BinaryIO) -> InvertedFile:
        """Return an inverted file that `save` wrote, from an open file at its beginning.

        The lists of "ivf-sq8" and "ivf-sq4" are mapped: they are not read before they are searched. For the rules of
        mapped files see `FaissIndex.load`.

        Raises:
            RuntimeError: FAISS cannot read the file, or it holds another type of index.
        """
        loaded, mapped = load_index(file, faiss.IO_FLAG_MMAP)
        if not isinstance(loaded, faiss.IndexIVF):
            raise RuntimeError(f"it holds a {type(loaded).__name__}")  # noqa: TRY004 - FAISS's own class of error
        if mapped:
            inverted: Any = loaded
            lists: Any = faiss.downcast_InvertedLists(inverted.invlists)
            if isinstance(lists, faiss.OnDiskInvertedLists):
                lists.prefetch_nthread = 0  # its threads cost 4 ms a query, for pages that are in memory already
        return cls(loaded)


class InvertedFileBuilder:
    """Builds inverted files of several kinds over the same vectors; k-means runs only once."""

    def __init__(
        self, ids: Ids, vectors: Callable[[Ids], Vectors], dim: int, *, progress: ProgressCallback | None
    ) -> None:
        """Find the centroids of the lists by k-means.

        Args:
            ids: Ids of the vectors, shape (n,), ascending.
            vectors: Returns vectors by id, shape (n, dim), float32, unit length.
            dim: Length of a vector.
            progress: Called with the iterations of k-means, then with the vectors added.
        """
        self._ids, self._vectors, self._dim, self._progress = ids, vectors, dim, progress
        self._lists = list_count(len(ids))
        sample_size = min(len(ids), _TRAINING_VECTORS_PER_LIST * self._lists)
        rows = np.unique(np.linspace(0, len(ids) - 1, sample_size).astype(np.int64))
        self._sample = vectors(ids[rows])
        self._centroids = self._find_centroids()

    def build(self, kind: Kind) -> InvertedFile:
        """Return an inverted file over all vectors."""
        index = _empty(kind, self._dim, self._lists, self._centroids)
        with single_threaded():  # hundreds of tiny k-means: 60 s on two threads of a busy machine, 0.4 s on one
            index.train(self._sample)
        for start, ids in self._blocks():
            index.add_with_ids(self._vectors(ids), np.ascontiguousarray(ids))
            self._report(f"building {kind}", start + len(ids), len(self._ids))
        return InvertedFile(index)

    def _find_centroids(self) -> Vectors:
        """Return the centroids of the lists, shape (lists, dim); FAISS runs one iteration per call, so Ctrl-C works."""
        random = np.random.default_rng(0)
        centroids = self._sample[random.permutation(len(self._sample))[: self._lists]]
        for number in range(_KMEANS_ROUNDS):
            kmeans: Any = faiss.Kmeans(
                self._dim,
                self._lists,
                niter=1,
                spherical=True,
                seed=number,
                min_points_per_centroid=1,
                max_points_per_centroid=_TRAINING_VECTORS_PER_LIST,
            )
            kmeans.train(self._sample, init_centroids=centroids)
            centroids = kmeans.centroids
            self._report("finding lists", number + 1, _KMEANS_ROUNDS)
        return centroids

    def _blocks(self) -> Iterator[tuple[int, Ids]]:
        for start in range(0, len(self._ids), _ADD_BLOCK):
            yield start, self._ids[start : start + _ADD_BLOCK]

    def _report(self, stage: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(Progress(stage, done, total))


def list_count(n: int) -> int:
    """Return the number of lists for n vectors: about four times the square root of n, as a power of two.

    FAISS's guidelines recommend that many; there are fewer if k-means would have too few vectors per list.
    """
    lists = min(4 * math.sqrt(n), n / _MIN_VECTORS_PER_LIST)
    return min(_MAX_LISTS, 1 << round(math.log2(max(lists, 1))))


def expected_bytes(kind: Kind, n: int, dim: int) -> int:
    """Return the approximate size of an inverted file over n vectors: codes, ids, padding and centroids."""
    lists = list_count(n)
    code = {"ivf-sq8": dim, "ivf-sq4": dim / 2, "ivf-pq4": _subspaces(dim) / 2, "ivf-rabitq": dim / 8 + 8}[kind]
    padding = 0 if kind in _SCALAR_QUANTIZERS else 16  # rows per list: FAISS's fast scan stores blocks of 32
    return int((n + lists * padding) * code + n * 8 + lists * dim * 4)


def _empty(kind: Kind, dim: int, lists: int, centroids: Vectors) -> Any:
    coarse = faiss.IndexFlatIP(dim)
    coarse.add(centroids)
    metric = faiss.METRIC_INNER_PRODUCT
    by_residual = True
    if kind in _SCALAR_QUANTIZERS:
        index: Any = faiss.IndexIVFScalarQuantizer(coarse, dim, lists, _SCALAR_QUANTIZERS[kind], metric, by_residual)
    elif kind == "ivf-pq4":
        index = faiss.IndexIVFPQFastScan(coarse, dim, lists, _subspaces(dim), 4, metric)
    else:
        index = faiss.IndexIVFRaBitQFastScan(coarse, dim, lists, metric)
    return index


def _subspaces(dim: int) -> int:
    """Return the number of equal parts that product quantization splits a vector into: pairs if possible."""
    return next(parts for parts in range(max(1, dim // 2), 0, -1) if dim % parts == 0)
