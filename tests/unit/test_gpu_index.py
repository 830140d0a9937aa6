"""The index that finds candidates on a GPU, with backends on the CPU; test_vectors.py tests its results too."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from indexer.types import Ids, Vectors
from indexer.vectors.base import Allowed, HalfVectors, Neighbors
from indexer.vectors.gpu import faiss_backend
from indexer.vectors.gpu import index as gpu_index
from indexer.vectors.gpu.backend import GpuBackend, RowMask
from indexer.vectors.gpu.faiss_backend import FaissBackend, Gpu
from indexer.vectors.gpu.index import MAX_RESULTS, PRODUCT_ERROR, QUERIES_BEFORE_UPLOAD, GpuIndex
from indexer.vectors.gpu.torch_backend import TorchBackend
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.gpu_backends import BACKENDS, always_on_gpu, half_precision_part
from tests.support.vectors import clustered_vectors, ids, unit_vectors

N, DIM = 4000, 16


class CountingIndex(NumpyIndex):
    """An exact index that counts its own queries."""

    query_count = 0

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        self.query_count += len(queries)
        return super().search(queries, k, allowed=allowed)


class InexactBackend(TorchBackend):
    """A backend whose products are off by almost as much as is allowed."""

    def top_k(self, queries: Vectors, count: int, mask: RowMask | None) -> tuple[Vectors, Ids]:
        products, rows = super().top_k(queries, len(self), mask)
        products += np.random.default_rng(1).uniform(-PRODUCT_ERROR, PRODUCT_ERROR, products.shape).astype(np.float32)
        order = np.argsort(-products, axis=1)[:, :count]
        return np.take_along_axis(products, order, axis=1), np.take_along_axis(rows, order, axis=1)


class FullBackend(TorchBackend):
    """A backend with memory for `capacity` vectors."""

    capacity = 0

    def add(self, vectors: HalfVectors) -> None:
        if len(self) + len(vectors) > self.capacity:
            raise RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB")
        super().add(vectors)


@pytest.fixture
def exact() -> CountingIndex:
    index = CountingIndex(DIM)
    index.add(np.arange(N, dtype=np.int64) * 2, unit_vectors(N, DIM))
    return index


@pytest.fixture(params=BACKENDS)
def index(request: pytest.FixtureRequest, exact: CountingIndex, monkeypatch: pytest.MonkeyPatch) -> GpuIndex:
    """Return an index that uses the backend from its first query on."""
    always_on_gpu(monkeypatch)
    return GpuIndex(exact, lambda: BACKENDS[request.param](DIM))


QUERIES = unit_vectors(20, DIM, seed=7)


def check_results(index: GpuIndex, exact: CountingIndex, *, k: int = 10, allowed: Ids | None = None) -> None:
    """Check that the results are those of the exact index, and that it was not searched for them."""
    before = exact.query_count
    neighbors = index.search(QUERIES, k, allowed=allowed)
    assert exact.query_count == before
    truth = NumpyIndex.search(exact, QUERIES, k, allowed=allowed)
    assert neighbors.ids.tolist() == truth.ids.tolist()
    assert neighbors.scores.tolist() == truth.scores.tolist()


def test_the_gpu_alone_finds_what_the_exact_index_finds(index: GpuIndex, exact: CountingIndex) -> None:
    check_results(index, exact)
    check_results(index, exact, k=1)
    check_results(index, exact, k=300)
    check_results(index, exact, allowed=exact.ids[::3])
    check_results(index, exact, allowed=exact.ids[5:900])


def test_vectors_added_later_are_found_on_the_gpu(index: GpuIndex, exact: CountingIndex) -> None:
    check_results(index, exact)
    for row, query in enumerate(QUERIES):  # one at a time, as photos are indexed
        index.add(ids(2 * N + row), query[None])
    check_results(index, exact)
    assert index.search(QUERIES, 1).ids[:, 0].tolist() == list(range(2 * N, 2 * N + 20))


def test_removed_vectors_are_not_found_although_the_gpu_has_them(index: GpuIndex, exact: CountingIndex) -> None:
    best = index.search(QUERIES, 5).ids
    assert index.remove(best.ravel()) == len(np.unique(best))
    check_results(index, exact)
    check_results(index, exact, allowed=exact.ids[::2])
    assert not np.isin(index.search(QUERIES, 5).ids, best).any()


def test_a_reused_id_belongs_to_the_new_vector(index: GpuIndex, exact: CountingIndex) -> None:
    index.search(QUERIES, 1)
    last = exact.ids[-1:].copy()
    index.remove(last)
    index.add(last, QUERIES[:1])
    check_results(index, exact)
    assert index.search(QUERIES[:1], 1).ids.tolist() == [last.tolist()]


def test_vectors_are_uploaded_again_if_a_tenth_is_removed(
    exact: CountingIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_on_gpu(monkeypatch)
    made: list[GpuBackend] = []

    def make() -> GpuBackend:
        made.append(TorchBackend(DIM, "cpu"))
        return made[-1]

    index = GpuIndex(exact, make)
    index.search(QUERIES, 1)
    index.remove(exact.ids[: N // 10])
    check_results(index, exact)
    assert [len(backend) for backend in made] == [N]
    index.remove(exact.ids[:1])
    check_results(index, exact)
    assert [len(backend) for backend in made] == [N, N - N // 10 - 1]


def test_an_index_on_a_gpu_can_be_emptied_and_filled_again(index: GpuIndex, exact: CountingIndex) -> None:
    index.search(QUERIES, 1)
    assert index.remove(exact.ids) == N
    assert index.search(QUERIES[:1], 2).ids.tolist() == [[-1, -1]]
    index.add(ids(9999), QUERIES[:1])
    assert index.search(QUERIES[:1], 2).ids.tolist() == [[9999, -1]]


def test_inexact_products_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    always_on_gpu(monkeypatch)
    exact = NumpyIndex(256)
    # a narrow cluster far from the query: hundreds of small scores within the error, for which LENGTH_TOLERANCE is tiny
    exact.add(np.arange(N, dtype=np.int64), clustered_vectors(N, 256, clusters=8, spread=0.02))
    index = GpuIndex(exact, lambda: InexactBackend(256, "cpu"))
    queries = unit_vectors(40, 256, seed=9)
    neighbors, truth = index.search(queries, 10), exact.search(queries, 10)
    assert neighbors.ids.tolist() == truth.ids.tolist()
    assert neighbors.scores.tolist() == truth.scores.tolist()


def test_the_first_queries_do_not_use_the_gpu(exact: CountingIndex) -> None:
    made: list[GpuBackend] = []

    def make() -> GpuBackend:
        made.append(TorchBackend(DIM, "cpu"))
        return made[-1]

    index = GpuIndex(exact, make)
    for _ in range(QUERIES_BEFORE_UPLOAD):
        index.search(QUERIES[:1], 3)
    assert (made, exact.query_count) == ([], QUERIES_BEFORE_UPLOAD)
    index.search(QUERIES[:1], 3)
    assert (len(made), exact.query_count) == (1, QUERIES_BEFORE_UPLOAD)
    assert len(made[0]) == N


def test_few_allowed_ids_or_many_results_skip_the_gpu(exact: CountingIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)

    def make() -> GpuBackend:
        raise AssertionError("a backend was made")

    index = GpuIndex(exact, make)
    assert index.search(QUERIES, 3, allowed=exact.ids[: N // 10 - 1]).ids.shape == (20, 3)
    assert index.search(QUERIES, MAX_RESULTS + 1).ids.shape == (20, MAX_RESULTS + 1)
    assert exact.query_count == 40


@pytest.mark.parametrize("capacity", [0, 1000])
def test_a_gpu_with_too_little_memory_is_abandoned_with_one_line(
    exact: CountingIndex, capacity: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    monkeypatch.setattr(FullBackend, "capacity", capacity)
    index = GpuIndex(exact, lambda: FullBackend(DIM, "cpu"))
    truth = NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    with caplog.at_level(logging.WARNING):
        assert index.search(QUERIES, 3).ids.tolist() == truth
        assert index.search(QUERIES, 3).ids.tolist() == truth
    assert caplog.messages == ["the GPU cannot search 4000 vectors (CUDA out of memory.); the CPU is used instead"]
    assert not index.fits


def test_a_gpu_that_becomes_full_is_abandoned_without_losing_vectors(
    exact: CountingIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    monkeypatch.setattr(FullBackend, "capacity", N)
    index = GpuIndex(exact, lambda: FullBackend(DIM, "cpu"))
    check_results(index, exact)
    index.add(ids(9999), QUERIES[:1])
    assert not index.fits
    assert index.search(QUERIES[:1], 1).ids.tolist() == [[9999]]
    assert len(caplog.messages) == 1


def test_a_gpu_with_too_little_memory_for_a_search_is_abandoned(
    exact: CountingIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    index = GpuIndex(exact, lambda: TorchBackend(DIM, "cpu"))
    check_results(index, exact)

    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.")

    monkeypatch.setattr(TorchBackend, "top_k", fail)
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert (index.fits, len(caplog.messages)) == (False, 1)


def test_a_backend_that_cannot_be_made_is_abandoned(
    exact: CountingIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> GpuBackend:
        raise ModuleNotFoundError("No module named 'torch'")

    always_on_gpu(monkeypatch)
    index = GpuIndex(exact, make)
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert caplog.messages == ["the GPU cannot search 4000 vectors (No module named 'torch'); the CPU is used instead"]


def test_faiss_does_not_upload_without_free_memory(
    exact: CountingIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)
    sizes = []

    def has_free_memory(size: int) -> bool:
        sizes.append(size)
        return False

    index = GpuIndex(exact, lambda: FaissBackend(DIM, [Gpu(lambda: half_precision_part(DIM), has_free_memory)]))
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert sizes == [N * DIM * 2 + faiss_backend.UPLOAD_MEMORY]
    reason = "out of memory: 268,563,456 bytes are not free on GPU 0"
    assert caplog.messages == [f"the GPU cannot search 4000 vectors ({reason}); the CPU is used instead"]
