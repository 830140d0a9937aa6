"""The second torch door: products of queries with all vectors, block by block, on a GPU."""

from __future__ import annotations

import torch

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors
from indexer.vectors.gpu.backend import RowMask

BLOCK = 131072
"""Vectors that are multiplied at once: 270 MB in float32 at 512 numbers each."""

TOGETHER = 256
"""Queries that are multiplied at once: with a block of vectors, 134 MB of products."""


def has_room(card: int, wanted: int) -> bool:
    """Return whether so many bytes are free on a GPU, after torch gave back what it only keeps.

    Raises:
        RuntimeError: There is no such GPU, or it has failed.
    """
    if torch.cuda.mem_get_info(card)[0] >= wanted:
        return True
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(card)[0] >= wanted


class TorchBackend:
    """Vectors in float16 on one device; a `Card`."""

    def __init__(self, dim: int, device: str) -> None:
        """Put nothing on a device yet."""
        self._device = torch.device(device)
        self._blocks = [torch.empty((0, dim), dtype=torch.float16, device=self._device)]  # all but the last are full

    def __len__(self) -> int:
        return sum(len(block) for block in self._blocks)

    def add(self, vectors: HalfVectors) -> None:
        """Put vectors behind the others, shape (n, dim), float16."""
        grown = torch.cat([self._blocks[-1], torch.from_numpy(vectors).to(self._device)])
        parts = torch.split(grown, BLOCK)
        self._blocks[-1:] = [part.clone() for part in parts]  # as parts they would keep all of it for the last one

    def top_k(self, queries: Vectors, count: int, passing: RowMask | None) -> tuple[Vectors, Ids]:
        """Return products and numbers of the best rows that pass, (q, c) each; see `Card.top_k`."""
        masked = None if passing is None else ~torch.from_numpy(passing).to(self._device)  # (n,)
        with torch.inference_mode():
            found = [self._best(part, count, masked) for part in torch.split(torch.from_numpy(queries), TOGETHER)]
            products, numbers = (torch.cat(each) for each in zip(*found, strict=True))
            numbers[products == -torch.inf] = -1
            return products.cpu().numpy(), numbers.cpu().numpy()

    def _best(self, queries: torch.Tensor, count: int, masked: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        """Return products and numbers of the best rows of some queries, (q, c) each; -inf where a row is masked."""
        asked = queries.to(self._device)
        products = torch.empty((len(asked), 0), device=self._device)
        numbers = torch.empty((len(asked), 0), dtype=torch.int64, device=self._device)
        start = 0
        for block in self._blocks:
            all_of_them = asked @ block.float().T  # (q, b)
            if masked is not None:
                all_of_them.masked_fill_(masked[start : start + len(block)], -torch.inf)
            fresh, places = all_of_them.topk(min(count, len(block)))
            products, order = torch.cat([products, fresh], dim=1).sort(dim=1, descending=True)
            numbers = torch.cat([numbers, places + start], dim=1).gather(1, order)
            products, numbers = products[:, :count], numbers[:, :count]
            start += len(block)
        return products, numbers
