"""Which library searches on a GPU: FAISS or torch."""

from __future__ import annotations

from indexer.vectors.gpu.backend import GpuBackend


def backend_for(device: str, dim: int) -> GpuBackend:
    """Return an empty card: FAISS's where that is built for GPUs, else torch's.

    Args:
        device: "cuda" for all GPUs, as far as FAISS searches, or "cuda:N" for one.
        dim: Length of a vector.

    Raises:
        RuntimeError: There is no such GPU, or it cannot be used.
        ImportError: torch is not installed.
    """
    from indexer.vectors.gpu.faiss_backend import FaissBackend, gpus_on  # late: faiss takes 0.1 s
    from indexer.vectors.gpu.torch_backend import TorchBackend, has_room  # late: torch takes seconds

    gpus = gpus_on(device, dim, has_room)
    return FaissBackend(dim, gpus) if gpus else TorchBackend(dim, device)
