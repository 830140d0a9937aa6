"""The index that has its candidates named on a GPU; the cards here compute on the CPU. See also test_vectors.py."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import faiss
import numpy as np
import pytest

from indexer.types import Ids, Vectors
from indexer.vectors.base import HalfVectors, Neighbors, to_half
from indexer.vectors.gpu import faiss_backend
from indexer.vectors.gpu import index as gpu_index
from indexer.vectors.gpu.backend import GpuBackend, RowMask
from indexer.vectors.gpu.faiss_backend import FaissBackend, Gpu, gpus_on
from indexer.vectors.gpu.index import MAX_RESULTS, PRODUCT_ERROR, QUERIES_BEFORE_UPLOAD, GpuIndex
from indexer.vectors.gpu.torch_backend import TorchBackend
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.gpu_backends import BACKENDS, always_on_gpu, half_precision_part, roomy
from tests.support.vectors import clustered_vectors, ids, unit_vectors

N, DIM = 4000, 16


class Watched(NumpyIndex):
    """An exact index that counts the queries it is asked itself."""

    asked = 0

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        self.asked += len(queries)
        return super().search(queries, k, allowed=allowed)


class Inexact(TorchBackend):
    """A card whose products are off by almost as much as is allowed."""

    def top_k(self, queries: Vectors, count: int, passing: RowMask | None) -> tuple[Vectors, Ids]:
        products, numbers = super().top_k(queries, len(self), passing)
        products += np.random.default_rng(1).uniform(-PRODUCT_ERROR, PRODUCT_ERROR, products.shape).astype(np.float32)
        order = np.argsort(-products, axis=1)[:, :count]
        return np.take_along_axis(products, order, axis=1), np.take_along_axis(numbers, order, axis=1)


class Full(TorchBackend):
    """A card with memory for `room` vectors."""

    room = 0

    def add(self, vectors: HalfVectors) -> None:
        if len(self) + len(vectors) > self.room:
            raise RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB")
        super().add(vectors)


@pytest.fixture
def exact() -> Watched:
    index = Watched(DIM)
    index.add(np.arange(N, dtype=np.int64) * 2, unit_vectors(N, DIM))
    return index


@pytest.fixture(params=BACKENDS)
def index(request: pytest.FixtureRequest, exact: Watched, monkeypatch: pytest.MonkeyPatch) -> GpuIndex:
    """Return an index that searches on a card from its first query on."""
    always_on_gpu(monkeypatch)
    return GpuIndex(exact, lambda: BACKENDS[request.param](DIM))


QUERIES = unit_vectors(20, DIM, seed=7)


def check(index: GpuIndex, exact: Watched, *, k: int = 10, allowed: Ids | None = None) -> None:
    """Check that an index finds what the exact one finds, without asking it."""
    before = exact.asked
    found = index.search(QUERIES, k, allowed=allowed)
    assert exact.asked == before
    truth = NumpyIndex.search(exact, QUERIES, k, allowed=allowed)
    assert found.ids.tolist() == truth.ids.tolist()
    assert found.scores.tolist() == truth.scores.tolist()


def test_the_card_finds_all_that_the_exact_index_finds_alone(index: GpuIndex, exact: Watched) -> None:
    check(index, exact)
    check(index, exact, k=1)
    check(index, exact, k=300)
    check(index, exact, allowed=exact.ids[::3])
    check(index, exact, allowed=exact.ids[5:900])


def test_what_is_added_later_is_found_on_the_card(index: GpuIndex, exact: Watched) -> None:
    check(index, exact)
    for row, query in enumerate(QUERIES):  # one by one, as photos come
        index.add(ids(2 * N + row), query[None])
    check(index, exact)
    assert index.search(QUERIES, 1).ids[:, 0].tolist() == list(range(2 * N, 2 * N + 20))


def test_what_is_removed_is_not_found_although_the_card_holds_it(index: GpuIndex, exact: Watched) -> None:
    best = index.search(QUERIES, 5).ids
    assert index.remove(best.ravel()) == len(np.unique(best))
    check(index, exact)
    check(index, exact, allowed=exact.ids[::2])
    assert not np.isin(index.search(QUERIES, 5).ids, best).any()


def test_an_id_that_is_used_again_is_that_of_the_new_vector(index: GpuIndex, exact: Watched) -> None:
    index.search(QUERIES, 1)
    last = exact.ids[-1:].copy()
    index.remove(last)
    index.add(last, QUERIES[:1])
    check(index, exact)
    assert index.search(QUERIES[:1], 1).ids.tolist() == [last.tolist()]


def test_a_card_is_filled_anew_when_a_tenth_of_it_is_gone(exact: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    always_on_gpu(monkeypatch)
    made: list[GpuBackend] = []

    def make() -> GpuBackend:
        made.append(TorchBackend(DIM, "cpu"))
        return made[-1]

    index = GpuIndex(exact, make)
    index.search(QUERIES, 1)
    index.remove(exact.ids[: N // 10])
    check(index, exact)
    assert [len(card) for card in made] == [N]
    index.remove(exact.ids[:1])
    check(index, exact)
    assert [len(card) for card in made] == [N, N - N // 10 - 1]


def test_all_can_be_removed_from_a_card(index: GpuIndex, exact: Watched) -> None:
    index.search(QUERIES, 1)
    assert index.remove(exact.ids) == N
    assert index.search(QUERIES[:1], 2).ids.tolist() == [[-1, -1]]
    index.add(ids(9999), QUERIES[:1])
    assert index.search(QUERIES[:1], 2).ids.tolist() == [[9999, -1]]


def test_products_that_are_a_little_off_cost_time_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    always_on_gpu(monkeypatch)
    exact = NumpyIndex(256)
    # scores of a narrow cluster, far from the query: hundreds within the error, and SLACK of so small ones is no help
    exact.add(np.arange(N, dtype=np.int64), clustered_vectors(N, 256, clusters=8, spread=0.02))
    index = GpuIndex(exact, lambda: Inexact(256, "cpu"))
    queries = unit_vectors(40, 256, seed=9)
    found, truth = index.search(queries, 10), exact.search(queries, 10)
    assert found.ids.tolist() == truth.ids.tolist()
    assert found.scores.tolist() == truth.scores.tolist()


def test_the_first_queries_do_without_the_card(exact: Watched) -> None:
    made: list[GpuBackend] = []

    def make() -> GpuBackend:
        made.append(TorchBackend(DIM, "cpu"))
        return made[-1]

    index = GpuIndex(exact, make)
    for _ in range(QUERIES_BEFORE_UPLOAD):
        index.search(QUERIES[:1], 3)
    assert (made, exact.asked) == ([], QUERIES_BEFORE_UPLOAD)
    index.search(QUERIES[:1], 3)
    assert (len(made), exact.asked) == (1, QUERIES_BEFORE_UPLOAD)
    assert len(made[0]) == N


def test_few_allowed_ids_and_many_results_do_without_the_card(exact: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)

    def make() -> GpuBackend:
        raise AssertionError("a card was filled")

    index = GpuIndex(exact, make)
    assert index.search(QUERIES, 3, allowed=exact.ids[: N // 10 - 1]).ids.shape == (20, 3)
    assert index.search(QUERIES, MAX_RESULTS + 1).ids.shape == (20, MAX_RESULTS + 1)
    assert exact.asked == 40


@pytest.mark.parametrize("room", [0, 1000])
def test_a_card_with_too_little_memory_is_left_with_one_line(
    exact: Watched, room: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    monkeypatch.setattr(Full, "room", room)
    index = GpuIndex(exact, lambda: Full(DIM, "cpu"))
    truth = NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    with caplog.at_level(logging.WARNING):
        assert index.search(QUERIES, 3).ids.tolist() == truth
        assert index.search(QUERIES, 3).ids.tolist() == truth
    assert caplog.messages == ["the GPU cannot search 4000 vectors, so the CPU does: CUDA out of memory."]
    assert not index.fits


def test_a_card_that_is_full_later_is_left_and_loses_nothing(
    exact: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    monkeypatch.setattr(Full, "room", N)
    index = GpuIndex(exact, lambda: Full(DIM, "cpu"))
    check(index, exact)
    index.add(ids(9999), QUERIES[:1])
    assert not index.fits
    assert index.search(QUERIES[:1], 1).ids.tolist() == [[9999]]
    assert len(caplog.messages) == 1


def test_a_card_whose_memory_does_not_do_for_a_search_is_left(
    exact: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always_on_gpu(monkeypatch)
    index = GpuIndex(exact, lambda: TorchBackend(DIM, "cpu"))
    check(index, exact)

    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.")

    monkeypatch.setattr(TorchBackend, "top_k", fail)
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert (index.fits, len(caplog.messages)) == (False, 1)


def test_a_card_that_cannot_be_made_is_left(
    exact: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> GpuBackend:
        raise ModuleNotFoundError("No module named 'torch'")

    always_on_gpu(monkeypatch)
    index = GpuIndex(exact, make)
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert caplog.messages == ["the GPU cannot search 4000 vectors, so the CPU does: No module named 'torch'"]


def test_vectors_are_shared_out_evenly_in_parts_that_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 10)
    card = FaissBackend(DIM, [roomy(DIM), roomy(DIM), roomy(DIM)])
    for row in to_half(QUERIES):
        card.add(row[None])  # one by one, as photos come
    assert [[part.ntotal for part in parts] for parts in card._parts] == [[7], [7], [6]]
    card.add(to_half(unit_vectors(25, DIM)))
    assert [[part.ntotal for part in parts] for parts in card._parts] == [[10, 10], [10, 5], [10]]
    assert len(card) == 45
    assert card.top_k(QUERIES, 1, None)[1][:, 0].tolist() == list(range(20))


def test_faiss_is_not_asked_for_memory_that_a_gpu_has_not(
    exact: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)
    asked = []

    def has_room(wanted: int) -> bool:
        asked.append(wanted)
        return False

    index = GpuIndex(exact, lambda: FaissBackend(DIM, [Gpu(lambda: half_precision_part(DIM), has_room)]))
    assert index.search(QUERIES, 3).ids.tolist() == NumpyIndex.search(exact, QUERIES, 3).ids.tolist()
    assert asked == [N * DIM * 2 + faiss_backend.UPLOAD_MEMORY]
    assert caplog.messages == [
        "the GPU cannot search 4000 vectors, so the CPU does: out of memory: 268,563,456 bytes are not free on GPU 0"
    ]


def test_faiss_begins_on_no_gpu_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("FAISS would have ended the process")

    monkeypatch.setattr(faiss, "StandardGpuResources", touched, raising=False)
    with pytest.raises(RuntimeError, match="1,073,741,824 bytes are not free on cuda:3"):
        gpus_on("cuda:3", DIM, lambda _, __: False)


def test_of_several_gpus_those_that_are_full_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept(SimpleNamespace):
        def setTempMemory(self, wanted: int) -> None:  # noqa: N802 - FAISS's own name
            assert wanted == faiss_backend.TEMP_MEMORY

        def setPinnedMemory(self, wanted: int) -> None:  # noqa: N802
            assert wanted == 0

    made: list[int] = []
    monkeypatch.setattr(faiss, "StandardGpuResources", Kept, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatConfig", SimpleNamespace, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 3, raising=False)
    monkeypatch.setattr(faiss, "GpuIndexFlatIP", lambda _, __, config: made.append(config.device), raising=False)
    gpus = gpus_on("cuda", DIM, lambda card, _: card != 1)
    for gpu_ in gpus:
        gpu_.make()
    assert made == [0, 2]


def test_faiss_for_the_cpu_has_no_gpus() -> None:
    if hasattr(faiss, "StandardGpuResources"):
        pytest.skip("FAISS is built for GPUs here")
    assert gpus_on("cuda", DIM, lambda _, __: True) == []
