"""The third faiss door: flat indexes on GPUs, the vectors shared out between them."""

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
"""Vectors in one flat index at most: FAISS copies the whole of it, beside itself, whenever it grows."""

TEMP_MEMORY = 512 << 20
"""Bytes that FAISS takes on each GPU to compute in, instead of 1.5 GB."""

CUDA_MEMORY = 512 << 20
"""Bytes that CUDA and cuBLAS may take on a GPU when they are used for the first time."""

UPLOAD_MEMORY = 256 << 20
"""Bytes that are left free on a GPU when vectors are put there: they come in float32, 134 MB of 512 numbers each."""


class Gpu(NamedTuple):
    """One GPU as FAISS sees it.

    Attributes:
        make: Gives an empty index for inner products on it.
        has_room: Tells whether so many bytes are free on it.
    """

    make: Callable[[], Any]
    has_room: Callable[[int], bool]


class FaissBackend:
    """Vectors in flat indexes on GPUs; a `Card`.

    FAISS's own GPU code knows no selectors, so that rows which do not pass are named too. Where it runs out of memory
    it ends the process more often than it says so; hence the look at what is free before vectors are put there.
    """

    def __init__(self, dim: int, gpus: Sequence[Gpu]) -> None:
        """Share vectors out between GPUs, at least one."""
        self._dim, self._gpus = dim, gpus
        self._index = _together(dim, threaded=True)
        self._parts: list[list[Any]] = []  # of each GPU, all but the last full
        self._held = [_together(dim, threaded=False) for _ in gpus]  # in turn: FAISS's GPU code is for one thread
        for gpu, held in zip(gpus, self._held, strict=True):
            self._parts.append([_part(gpu, held)])
            self._index.add_shard(held)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: HalfVectors) -> None:
        """Put vectors behind the others, shape (n, dim), float16, where there are the fewest."""
        done = 0
        while done < len(vectors):
            number = min(range(len(self._gpus)), key=lambda each: int(self._held[each].ntotal))
            done += self._put(number, vectors[done:])

    def _put(self, number: int, vectors: HalfVectors) -> int:
        """Put as many vectors as one index takes on a GPU and return how many."""
        gpu, parts, held = self._gpus[number], self._parts[number], self._held[number]
        if parts[-1].ntotal == MAX_PART_VECTORS:
            parts.append(_part(gpu, held))
        rows = vectors[: MAX_PART_VECTORS - parts[-1].ntotal]
        wanted = (parts[-1].ntotal + len(rows)) * self._dim * 2
        if not gpu.has_room(wanted + UPLOAD_MEMORY):
            raise RuntimeError(f"out of memory: {wanted + UPLOAD_MEMORY:,} bytes are not free on GPU {number}")
        parts[-1].add_with_ids(rows.astype(np.float32), np.arange(len(self), len(self) + len(rows), dtype=np.int64))
        for changed in (held, self._index):
            changed.syncWithSubIndexes()
        return len(rows)

    def top_k(self, queries: Vectors, count: int, passing: RowMask | None) -> tuple[Vectors, Ids]:
        """Return products and numbers of the best rows, also of those that do not pass; see `Card.top_k`."""
        products, numbers = self._index.search(queries, min(count, len(self)))
        return products, numbers


def gpus_on(device: str, dim: int, has_room: Callable[[int, int], bool]) -> list[Gpu]:
    """Return the GPUs that FAISS can search on; none where it is not built for them, or finds none.

    Of several those are left out that others have filled.

    Args:
        device: "cuda" for all GPUs, or "cuda:N" for one.
        dim: Length of a vector.
        has_room: Tells of a GPU by its number whether so many bytes are free on it.

    Raises:
        RuntimeError: There is no such GPU, or none has memory enough to begin.
    """
    module: Any = faiss  # stubs and builds for the CPU lack all of this
    if not hasattr(module, "StandardGpuResources"):
        return []
    number = device.partition(":")[2]
    cards = [int(number)] if number else list(range(module.get_num_gpus()))
    free = [card for card in cards if has_room(card, TEMP_MEMORY + CUDA_MEMORY)]
    if cards and not free:
        raise RuntimeError(f"out of memory: {TEMP_MEMORY + CUDA_MEMORY:,} bytes are not free on {device}")
    gpus = []
    for card in free:
        resources = module.StandardGpuResources()
        resources.setTempMemory(TEMP_MEMORY)
        resources.setPinnedMemory(0)
        config = module.GpuIndexFlatConfig()
        config.device, config.useFloat16 = card, True
        gpus.append(Gpu(partial(module.GpuIndexFlatIP, resources, dim, config), partial(has_room, card)))
    return gpus


def _part(gpu: Gpu, held: Any) -> Any:
    """Return an empty index on a GPU, under the numbers of its rows, that is searched with the others there."""
    module: Any = faiss  # its stubs know the classes by half
    part = module.IndexIDMap(gpu.make())
    held.add_shard(part)
    return part


def _together(dim: int, *, threaded: bool) -> Any:
    """Return what searches several indexes as one; its numbers are theirs, so that each can grow."""
    module: Any = faiss  # as above
    return module.IndexShards(dim, threaded, False)  # noqa: FBT003 - it takes no names
