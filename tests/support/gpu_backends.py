"""What searches on a GPU, without one: the same code on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import pytest

from indexer.vectors.gpu import faiss_backend, index, torch_backend
from indexer.vectors.gpu.backend import GpuBackend
from indexer.vectors.gpu.faiss_backend import FaissBackend, Gpu
from indexer.vectors.gpu.torch_backend import TorchBackend


def half_precision_part(dim: int) -> faiss.Index:
    """Return an empty flat index in float16, as FAISS makes one on a GPU."""
    return faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def roomy(dim: int) -> Gpu:
    """Return what stands for a GPU that is never full."""
    return Gpu(lambda: half_precision_part(dim), lambda _: True)


BACKENDS: dict[str, Callable[[int], GpuBackend]] = {
    "torch backend": lambda dim: TorchBackend(dim, "cpu"),
    "faiss backend": lambda dim: FaissBackend(dim, [roomy(dim), roomy(dim)]),
}
"""Makers of empty cards by name; FAISS's has two GPUs."""


def always_on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each search go to the card from the first on, however few are allowed, in blocks of odd sizes."""
    monkeypatch.setattr(index, "QUERIES_BEFORE_UPLOAD", 0)
    monkeypatch.setattr(index, "MIN_ALLOWED_SHARE", 0.0)
    monkeypatch.setattr(index, "UPLOAD_BLOCK", 700)
    monkeypatch.setattr(torch_backend, "BLOCK", 1000)
    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 600)
