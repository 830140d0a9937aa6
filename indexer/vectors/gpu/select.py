"""Choice of the library that searches on a GPU: FAISS or torch."""

from __future__ import annotations

from indexer.vectors.gpu.backend import GpuBackend


def backend_for(device: str, dim: int) -> GpuBackend:
    """Return an empty backend: FAISS's if the installed FAISS supports GPUs, else torch's.

    Args:
        device: "cuda" for all GPUs (with FAISS; torch uses the first), or "cuda:N" for one.
        dim: Length of a vector.

    Raises:
        RuntimeError: There is no such GPU, or it cannot be used.
        ImportError: torch is not installed.
    """
    from indexer.vectors.gpu.faiss_backend import FaissBackend, find_gpus  # late: faiss takes 0.1 s
    from indexer.vectors.gpu.torch_backend import TorchBackend, has_free_memory  # late: torch takes seconds

    gpus = find_gpus(device, dim, has_free_memory)
    return FaissBackend(dim, gpus) if gpus else TorchBackend(dim, device)
