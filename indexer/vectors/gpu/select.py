"""Which library searches on a GPU: FAISS or torch."""

from __future__ import annotations

from indexer.vectors.gpu.card import GpuBackend


def card_on(device: str, dim: int) -> GpuBackend:
    """Return an empty card: FAISS's where that is built for GPUs, else torch's.

    Args:
        device: "cuda" for all GPUs, as far as FAISS searches, or "cuda:N" for one.
        dim: Length of a vector.

    Raises:
        RuntimeError: There is no such GPU, or it cannot be used.
        ImportError: torch is not installed.
    """
    from indexer.vectors.gpu.faiss_backend import FaissCard, gpus_on  # late: faiss takes 0.1 s
    from indexer.vectors.gpu.torch_backend import TorchCard, has_room  # late: torch takes seconds

    gpus = gpus_on(device, dim, has_room)
    return FaissCard(dim, gpus) if gpus else TorchCard(dim, device)
