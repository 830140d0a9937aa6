"""Search on GPUs with FAISS: the adapter module for its flat GPU indexes, with the vectors divided between GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import faiss
import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors
from indexer.vectors.gpu.backend import RowMask

MAX_PART_VECTORS = 1 << 20
"""Vectors in one flat index at most: FAISS makes a second copy of the whole index whenever it grows."""

TEMP_MEMORY = 512 << 20
"""Bytes that FAISS reserves on each GPU to compute in, in place of its default of 1.5 GB."""

CUDA_MEMORY = 512 << 20
"""Bytes that CUDA and cuBLAS may take on a GPU at first use."""

UPLOAD_MEMORY = 256 << 20
"""Bytes that stay free on a GPU during an upload: vectors arrive in float32, 134 MB for 512 dimensions."""


class Gpu(NamedTuple):
    """One GPU as FAISS uses it.

    Attributes:
        make_index: Returns an empty inner-product index on the GPU.
        has_free_memory: Returns whether this many bytes are free on the GPU.
    """

    make_index: Callable[[], Any]
    has_free_memory: Callable[[int], bool]


class FaissBackend:
    """A `GpuBackend` that holds vectors in flat indexes on GPUs.

    FAISS's GPU code has no selectors, so rows outside the mask are returned too. When it runs out of memory it often
    ends the process instead of raising an error, so free memory is checked before every upload.
    """

    def __init__(self, dim: int, gpus: Sequence[Gpu]) -> None:
        """Divide vectors between GPUs, of which there must be at least one."""
        self._dim, self._gpus = dim, gpus
        self._index = _combined_index(dim, threaded=True)
        self._parts: list[list[Any]] = []  # of each GPU, all but the last full
        self._shards = [_combined_index(dim, threaded=False) for _ in gpus]  # FAISS's GPU code is single-threaded
        for gpu, shard in zip(gpus, self._shards, strict=True):
            self._parts.append([_add_part(gpu, shard)])
            self._index.add_shard(shard)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: HalfVectors) -> None:
        """Append vectors, shape (n, dim), float16, on the GPU that has the fewest."""
        done = 0
        while done < len(vectors):
            number = min(range(len(self._gpus)), key=lambda gpu: int(self._shards[gpu].ntotal))
            done += self._upload(number, vectors[done:])

    def _upload(self, number: int, vectors: HalfVectors) -> int:
        """Upload as many vectors as fit into one part on a GPU, and return how many."""
        gpu, parts, shard = self._gpus[number], self._parts[number], self._shards[number]
        if parts[-1].ntotal == MAX_PART_VECTORS:
            parts.append(_add_part(gpu, shard))
        rows = vectors[: MAX_PART_VECTORS - parts[-1].ntotal]
        required = (parts[-1].ntotal + len(rows)) * self._dim * 2 + UPLOAD_MEMORY
        if not gpu.has_free_memory(required):
            raise RuntimeError(f"out of memory: {required:,} bytes are not free on GPU {number}")
        parts[-1].add_with_ids(rows.astype(np.float32), np.arange(len(self), len(self) + len(rows), dtype=np.int64))
        for parent in (shard, self._index):
            parent.syncWithSubIndexes()
        return len(rows)

    def top_k(self, queries: Vectors, count: int, mask: RowMask | None) -> tuple[Vectors, Ids]:
        """Return inner products and row numbers of the best rows, also outside the mask; see `GpuBackend.top_k`."""
        products, rows = self._index.search(queries, min(count, len(self)))
        return products, rows


def find_gpus(device: str, dim: int, has_free_memory: Callable[[int, int], bool]) -> list[Gpu]:
    """Return the GPUs that FAISS can search on; empty if this build of FAISS has no GPU support, or there is no GPU.

    If there are several, those whose memory is taken by others are left out.

    Args:
        device: "cuda" for all GPUs, or "cuda:N" for one.
        dim: Length of a vector.
        has_free_memory: Returns whether a GPU, by its number, has this many bytes free.

    Raises:
        RuntimeError: There is no such GPU, or none has enough free memory.
    """
    module: Any = faiss  # the stubs and the builds for the CPU lack all of this
    if not hasattr(module, "StandardGpuResources"):
        return []
    suffix = device.partition(":")[2]
    numbers = [int(suffix)] if suffix else list(range(module.get_num_gpus()))
    usable = [number for number in numbers if has_free_memory(number, TEMP_MEMORY + CUDA_MEMORY)]
    if numbers and not usable:
        raise RuntimeError(f"out of memory: {TEMP_MEMORY + CUDA_MEMORY:,} bytes are not free on {device}")
    gpus = []
    for number in usable:
        resources = module.StandardGpuResources()
        resources.setTempMemory(TEMP_MEMORY)
        resources.setPinnedMemory(0)
        config = module.GpuIndexFlatConfig()
        config.device, config.useFloat16 = number, True
        gpus.append(Gpu(partial(module.GpuIndexFlatIP, resources, dim, config), partial(has_free_memory, number)))
    return gpus


def _add_part(gpu: Gpu, shard: Any) -> Any:
    """Return a new empty index on a GPU that stores row numbers, and add it to the GPU's shard."""
    module: Any = faiss  # the stubs are incomplete
    part = module.IndexIDMap(gpu.make_index())
    shard.add_shard(part)
    return part


def _combined_index(dim: int, *, threaded: bool) -> Any:
    """Return an index that searches several as one, and keeps their row numbers so that each can grow."""
    module: Any = faiss  # as above
    return module.IndexShards(dim, threaded, False)  # noqa: FBT003 - takes positional arguments only
