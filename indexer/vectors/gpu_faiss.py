"""The third faiss door: flat indexes on GPUs, the vectors shared out between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np

from indexer.types import Ids, Vectors
from indexer.vectors.base import Stored
from indexer.vectors.gpu import Passing


class FaissCard:
    """Vectors in flat indexes, one for each GPU; a `Card`.

    FAISS's own GPU code knows no selectors, so that rows which do not pass are named too.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        """Share vectors out between empty indexes.

        Args:
            parts: Indexes for inner products, at least one, all of one length.
        """
        threaded, successive = True, False  # with successive numbers nothing could be added later
        module: Any = faiss  # its stubs know the classes by half
        self._index = module.IndexShards(parts[0].d, threaded, successive)
        for part in parts:
            self._index.add_shard(module.IndexIDMap(part))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: Stored) -> None:
        """Put vectors behind the others, shape (n, dim), float16."""
        numbers = np.arange(len(self), len(self) + len(vectors), dtype=np.int64)
        self._index.add_with_ids(vectors.astype(np.float32), numbers)

    def named(self, queries: Vectors, count: int, passing: Passing | None) -> tuple[Vectors, Ids]:
        """Return products and numbers of the best rows, also of those that do not pass; see `Card.named`."""
        products, numbers = self._index.search(queries, min(count, len(self)))
        return products, numbers


def parts_on(device: str, dim: int) -> list[Any]:
    """Return an empty index in float16 on each GPU; none where FAISS is not built for them, or finds none.

    Args:
        device: "cuda" for all GPUs, or "cuda:N" for one.
        dim: Length of a vector.
    """
    module: Any = faiss  # stubs and builds for the CPU lack all of this
    if not hasattr(module, "StandardGpuResources"):
        return []
    number = device.partition(":")[2]
    parts = []
    for card in [int(number)] if number else range(module.get_num_gpus()):
        config = module.GpuIndexFlatConfig()
        config.device, config.useFloat16 = card, True
        parts.append(module.GpuIndexFlatIP(module.StandardGpuResources(), dim, config))
    return parts
