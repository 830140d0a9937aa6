"""Search on a GPU with torch: the adapter module that multiplies queries with all vectors, block by block."""

from __future__ import annotations

import torch

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors
from indexer.vectors.gpu.backend import RowMask

ROW_BLOCK = 131072
"""Vectors that are multiplied at once: 270 MB in float32 with 512 dimensions."""

_QUERY_BLOCK = 256
"""Queries that are multiplied at once: 134 MB of products with a block of vectors."""


def has_free_memory(gpu: int, size: int) -> bool:
    """Return whether this many bytes are free on a GPU, releasing torch's unused cache if necessary.

    Raises:
        RuntimeError: There is no such GPU, or it has failed.
    """
    if torch.cuda.mem_get_info(gpu)[0] >= size:
        return True
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(gpu)[0] >= size


class TorchBackend:
    """A `GpuBackend` that holds vectors in float16 on one device."""

    def __init__(self, dim: int, device: str) -> None:
        """Make an empty backend."""
        self._device = torch.device(device)
        self._blocks = [torch.empty((0, dim), dtype=torch.float16, device=self._device)]  # all but the last are full

    def __len__(self) -> int:
        return sum(len(block) for block in self._blocks)

    def add(self, vectors: HalfVectors) -> None:
        """Append vectors, shape (n, dim), float16."""
        grown = torch.cat([self._blocks[-1], torch.from_numpy(vectors).to(self._device)])
        parts = torch.split(grown, ROW_BLOCK)
        self._blocks[-1:] = [part.clone() for part in parts]  # views would keep all of `grown` in memory

    def top_k(self, queries: Vectors, count: int, mask: RowMask | None) -> tuple[Vectors, Ids]:
        """Return inner products and row numbers of the best rows in the mask, (q, c) each; see `GpuBackend.top_k`."""
        excluded = None if mask is None else ~torch.from_numpy(mask).to(self._device)  # (n,)
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(queries), _QUERY_BLOCK)
            results = [self._top_k(part, count, excluded) for part in parts]
            products, rows = (torch.cat(tensors) for tensors in zip(*results, strict=True))
            rows[products == -torch.inf] = -1
            return products.cpu().numpy(), rows.cpu().numpy()

    def _top_k(self, queries: torch.Tensor, count: int, excluded: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        """Return inner products and row numbers of the best rows, (q, c) each; excluded rows have -inf."""
        queries = queries.to(self._device)
        products = torch.empty((len(queries), 0), device=self._device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=self._device)
        start = 0
        for block in self._blocks:
            block_products = queries @ block.float().T  # (q, b)
            if excluded is not None:
                block_products.masked_fill_(excluded[start : start + len(block)], -torch.inf)
            best, places = block_products.topk(min(count, len(block)))
            products, order = torch.cat([products, best], dim=1).sort(dim=1, descending=True)
            rows = torch.cat([rows, places + start], dim=1).gather(1, order)
            products, rows = products[:, :count], rows[:, :count]
            start += len(block)
        return products, rows
