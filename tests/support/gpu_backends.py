"""GPU backends without a GPU: the same code on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import faiss
import pytest

from indexer.vectors.gpu import faiss_backend, index
from indexer.vectors.gpu.backend import GpuBackend
from indexer.vectors.gpu.faiss_backend import FaissBackend, Gpu


def half_precision_part(dim: int) -> faiss.Index:
    """Return an empty flat index in float16, like FAISS's on a GPU."""
    return faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def roomy_gpu(dim: int) -> Gpu:
    """Return a stand-in for a GPU whose memory is never full."""
    return Gpu(lambda: half_precision_part(dim), lambda _: True)


def _torch_backend(dim: int) -> GpuBackend:
    from indexer.vectors.gpu.torch_backend import TorchBackend  # late: unit tests also run without torch

    return TorchBackend(dim, "cpu")


HAS_TORCH = find_spec("torch") is not None

BACKENDS: dict[str, Callable[[int], GpuBackend]] = {
    **({"torch backend": _torch_backend} if HAS_TORCH else {}),
    "faiss backend": lambda dim: FaissBackend(dim, [roomy_gpu(dim), roomy_gpu(dim)]),
}
"""Makers of empty backends by name; that of FAISS has two GPUs."""


def always_on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every search use the backend, from the first query on and with any filter, in blocks of odd sizes."""
    monkeypatch.setattr(index, "QUERIES_BEFORE_UPLOAD", 0)
    monkeypatch.setattr(index, "MIN_ALLOWED_SHARE", 0.0)
    monkeypatch.setattr(index, "UPLOAD_BLOCK", 700)
    if HAS_TORCH:
        monkeypatch.setattr("indexer.vectors.gpu.torch_backend.ROW_BLOCK", 1000)
    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 600)
