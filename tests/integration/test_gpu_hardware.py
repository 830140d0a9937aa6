"""Encoding and searching on a real GPU; skipped without one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError
from indexer.types import Pixels, Vectors
from indexer.vectors.base import Allowed, Neighbors
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.gpu import faiss_backend
from indexer.vectors.gpu import index as gpu_index
from indexer.vectors.gpu.backend import GpuBackend
from indexer.vectors.gpu.faiss_backend import FaissBackend, find_gpus
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.gpu.select import backend_for
from indexer.vectors.gpu.torch_backend import TorchBackend, has_free_memory
from retrieval import Library
from tests.support.gpu_backends import always_on_gpu
from tests.support.program import Program
from tests.support.vectors import clustered_vectors, unit_vectors


@pytest.fixture
def gpu() -> None:
    """Skip if there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")


@pytest.fixture
def faiss_gpu(gpu: None) -> None:
    """Skip if this build of FAISS does not support GPUs."""
    if not find_gpus("cuda", 8, has_free_memory):
        pytest.skip("this build of FAISS is for the CPU; run: pip install 'recall-photos[gpu]' without faiss-cpu")


def read_photos(encoder: Encoder, photos: Path) -> Pixels:
    """Return 147 photos prepared for an encoder, which are more than one batch."""
    from PIL import Image

    from indexer.images import prepare

    prepared = [prepare(Image.open(path).convert("RGB"), encoder.preprocess) for path in sorted(photos.iterdir())]
    return np.stack(prepared * 7)


def cosines(left: Vectors, right: Vectors) -> Vectors:
    products: Vectors = np.einsum("nd,nd->n", left, right)
    return products


@pytest.mark.gpu
@pytest.mark.parametrize("batch_size", [None, 8, 1])  # in parts of 128, 4 and 1
def test_gpu_and_cpu_give_the_same_vectors(gpu: None, photos: Path, batch_size: int | None) -> None:
    cpu, cuda = load_encoder("compact", device="cpu"), load_encoder("compact", device="cuda", batch_size=batch_size)
    assert isinstance(cuda, OpenClipEncoder)
    assert cuda.fingerprint == cpu.fingerprint
    pixels = read_photos(cpu, photos)
    assert cosines(cuda.encode_images(pixels), cpu.encode_images(pixels)).min() > 0.999
    texts = ["a cat", "a dog on the beach", "x " * 100]
    assert cosines(cuda.encode_texts(texts), cpu.encode_texts(texts)).min() > 0.999


@pytest.mark.gpu
def test_overlapping_uploads_do_not_mix_pictures(gpu: None, photos: Path) -> None:
    encoder = load_encoder("compact", device="cuda", batch_size=4)
    pixels = read_photos(encoder, photos)
    one_by_one = np.concatenate([encoder.encode_images(picture[None]) for picture in pixels])
    for _ in range(20):
        assert cosines(encoder.encode_images(pixels), one_by_one).min() > 0.999
    read_only = pixels[::-1]
    read_only.flags.writeable = False
    assert cosines(encoder.encode_images(read_only)[::-1], one_by_one).min() > 0.999


@pytest.mark.gpu
def test_a_batch_too_large_for_the_gpu_is_refused_with_advice(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    encoder = load_encoder("compact", device="cuda")
    monkeypatch.setattr(encoder, "_encode_part", lambda *_: torch.empty(1 << 50, dtype=torch.uint8, device="cuda"))
    pixels = np.zeros((1, encoder.preprocess.size, encoder.preprocess.size, 3), dtype=np.uint8)
    with pytest.raises(EncoderError, match="use a smaller --batch-size"):
        encoder.encode_images(pixels)
    monkeypatch.undo()
    assert np.isfinite(encoder.encode_images(pixels)).all()  # the encoder still works


class CountingIndex(FaissIndex):
    """An exact index that counts its own searches."""

    search_count = 0

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None) -> Neighbors:
        self.search_count += 1
        return super().search(queries, k, allowed=allowed)


def check_backend(backend: GpuBackend) -> None:
    """Check that a backend finds what the exact index finds, also after changes and with a filter."""
    exact = CountingIndex(128)
    exact.add(np.arange(20_000, dtype=np.int64), clustered_vectors(20_000, 128, clusters=200, spread=0.7))
    index = GpuIndex(exact, lambda: backend)
    queries = unit_vectors(300, 128, seed=5)
    index.search(queries, 10)
    assert len(backend) == 20_000
    index.add(np.arange(20_000, 20_100, dtype=np.int64), queries[:100])
    index.remove(np.arange(0, 20_000, 50, dtype=np.int64))
    for k in (1, 10, 500):
        for allowed in (None, exact.ids[::3]):
            before = exact.search_count
            neighbors = index.search(queries, k, allowed=allowed)
            assert exact.search_count == before
            truth = exact.search(queries, k, allowed=allowed)
            assert neighbors.ids.tolist() == truth.ids.tolist()
            assert neighbors.scores.tolist() == truth.scores.tolist()
    assert index.fits


@pytest.mark.gpu
def test_torch_on_the_gpu_finds_what_the_exact_index_finds(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    always_on_gpu(monkeypatch)
    check_backend(TorchBackend(128, "cuda"))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # enables TF32, as users may have done
    try:
        check_backend(TorchBackend(128, "cuda"))
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.gpu
@pytest.mark.parametrize("copies", [1, 2])  # two parts on one GPU stand in for two GPUs
def test_faiss_on_gpus_finds_what_the_exact_index_finds(
    faiss_gpu: None, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_on_gpu(monkeypatch)
    check_backend(FaissBackend(128, [gpu for _ in range(copies) for gpu in find_gpus("cuda", 128, has_free_memory)]))


@pytest.mark.gpu
def test_faiss_can_fill_more_than_half_of_a_gpu(faiss_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 1 << 18)  # 268 MB
    free, _ = torch.cuda.mem_get_info(0)
    occupied = torch.empty(max(0, free - (4 << 30)), dtype=torch.uint8, device="cuda")  # 4 GB are left
    backend = FaissBackend(512, find_gpus("cuda:0", 512, has_free_memory))
    rows = unit_vectors(65_536, 512).astype(np.float16)
    for _ in range(36):  # 2.4 GB
        backend.add(rows)
    assert len(backend) == 36 * 65_536
    many = np.concatenate([rows] * 60)  # 3.9 GB
    with pytest.raises(RuntimeError, match="bytes are not free"):  # and not a crash of the process
        backend.add(many)
    del occupied


@pytest.mark.gpu
def test_faiss_is_preferred_if_it_supports_gpus(gpu: None) -> None:
    assert isinstance(backend_for("cuda", 8), FaissBackend if find_gpus("cuda", 8, has_free_memory) else TorchBackend)


@pytest.mark.gpu
def test_a_library_is_indexed_and_searched_on_the_gpu(
    gpu: None, photos: Path, recall_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recall_program("index", photos, "--device", "cuda", "--json")
    assert (run.returncode, json.loads(run.stdout)["added"]) == (0, 21), run.stderr
    shutil.copy(photos / "chelsea.png", photos / "again.png")
    texts = ["a cat", "a cup of coffee", "a man with a camera"]
    outputs = {device: [recall_program("search", text, "--paths", "--device", device).stdout for text in texts]
            for device in ("cuda", "cpu")}  # fmt: skip
    assert [out.splitlines()[0] for out in outputs["cuda"]] == [out.splitlines()[0] for out in outputs["cpu"]]
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)
    with Library.open(recall_program.cwd / "test.recall", device="cuda") as library:
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        assert library.encoder.device == "cuda"
        assert isinstance(library._store.index(), GpuIndex)
        assert library.sync(photos).added == 1
        assert {hit.path.name for hit in library.search("a cat", k=2)} == {"chelsea.png", "again.png"}
