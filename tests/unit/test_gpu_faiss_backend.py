"""The FAISS backend, with indexes on the CPU in place of GPUs."""

from __future__ import annotations

from types import SimpleNamespace

import faiss
import pytest

from indexer.vectors.base import to_half
from indexer.vectors.gpu import faiss_backend
from indexer.vectors.gpu.faiss_backend import FaissBackend, find_gpus
from tests.support.gpu_backends import roomy_gpu
from tests.support.vectors import unit_vectors

DIM = 16
QUERIES = unit_vectors(20, DIM, seed=7)


def test_vectors_are_divided_evenly_into_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 10)
    backend = FaissBackend(DIM, [roomy_gpu(DIM) for _ in range(3)])
    for row in to_half(QUERIES):
        backend.add(row[None])  # one at a time, as photos are indexed
    assert [[part.ntotal for part in parts] for parts in backend._parts] == [[7], [7], [6]]
    backend.add(to_half(unit_vectors(25, DIM)))
    assert [[part.ntotal for part in parts] for parts in backend._parts] == [[10, 10], [10, 5], [10]]
    assert len(backend) == 45
    assert backend.top_k(QUERIES, 1, None)[1][:, 0].tolist() == list(range(20))


def test_faiss_refuses_a_gpu_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("FAISS would have ended the process")

    monkeypatch.setattr(faiss, "StandardGpuResources", fail, raising=False)
    with pytest.raises(RuntimeError, match="1,073,741,824 bytes are not free on cuda:3"):
        find_gpus("cuda:3", DIM, lambda _, __: False)


def test_full_gpus_are_left_out_if_there_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Resources(SimpleNamespace):
        def setTempMemory(self, size: int) -> None:  # noqa: N802 - FAISS's own name
            assert size == faiss_backend.TEMP_MEMORY

        def setPinnedMemory(self, size: int) -> None:  # noqa: N802
            assert size == 0

    made: list[int] = []
    monkeypatch.setattr(faiss, "StandardGpuResources", Resources, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatConfig", SimpleNamespace, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 3, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatIP", lambda _, __, config: made.append(config.device), raising=False)
    gpus = find_gpus("cuda", DIM, lambda number, _: number != 1)
    for gpu in gpus:
        gpu.make_index()
    assert made == [0, 2]


def test_faiss_for_the_cpu_has_no_gpus() -> None:
    if hasattr(faiss, "StandardGpuResources"):
        pytest.skip("this build of FAISS supports GPUs")
    assert find_gpus("cuda", DIM, lambda _, __: True) == []
