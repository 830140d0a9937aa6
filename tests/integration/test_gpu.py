"""A library that is searched on a GPU, with a backend on the CPU; test_gpu_hardware.py needs a real GPU."""

from __future__ import annotations

import gc
import logging
import weakref
from pathlib import Path

import pytest

from indexer.vectors.gpu.backend import GpuBackend
from indexer.vectors.gpu.torch_backend import TorchBackend
from retrieval import Library
from tests.support.color_photos import PALETTE, paint
from tests.support.encoders import FakeEncoder
from tests.support.gpu_backends import always_on_gpu
from tests.support.program import Program

pytestmark = pytest.mark.folder


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> list[GpuBackend]:
    """Return the backends that a library makes; they are on the CPU."""
    always_on_gpu(monkeypatch)
    made: list[GpuBackend] = []

    def make(device: str, dim: int) -> GpuBackend:
        assert device == "cuda:1"
        made.append(TorchBackend(dim, "cpu"))
        return made[-1]

    monkeypatch.setattr("indexer.store.store.backend_for", make)
    return made


@pytest.fixture
def colours(folder: Path) -> Path:
    """Return a folder with one photo of each colour."""
    for colour in PALETTE:
        paint(folder / f"{colour}.png", colour)
    return folder


def top_stems(library: Library, text: str) -> list[str]:
    return [hit.path.stem for hit in library.search(text, k=2)]


def test_vectors_on_the_gpu_follow_changes_of_the_library(
    tmp_path: Path, colours: Path, backends: list[GpuBackend]
) -> None:
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
        assert backends == []  # an index that is not searched takes no memory of a GPU
        assert top_stems(library, "red")[0] == "red"
        assert [len(backend) for backend in backends] == [6]
        paint(colours / "more.png", "orange")
        (colours / "blue.png").unlink()
        library.sync(colours)
        assert top_stems(library, "orange")[0] == "more"
        assert "blue" not in top_stems(library, "blue")
        assert len(backends[-1]) >= 6
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder()) as library:  # the index file is the same
        before = len(backends)
        assert top_stems(library, "orange")[0] == "more"
        assert library.check() == []
        assert len(backends) == before


def test_closing_a_library_or_changing_its_device_frees_the_gpu(
    tmp_path: Path, colours: Path, backends: list[GpuBackend]
) -> None:
    library = Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1"))
    library.sync(colours)
    assert top_stems(library, "red")[0] == "red"
    store, alive = library._store, weakref.ref(backends.pop())
    assert alive() is not None
    store.device = "cpu"
    store.index()
    gc.collect()
    assert alive() is None
    store.device = "cuda:1"
    assert top_stems(library, "red")[0] == "red"
    alive = weakref.ref(backends.pop())
    library.close()
    gc.collect()
    assert (alive(), store._index) == (None, None)


def test_a_search_without_an_encoder_skips_the_gpu(tmp_path: Path, colours: Path, backends: list[GpuBackend]) -> None:
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
    with Library.open(tmp_path / "test.recall", device="cuda:1") as library:
        assert len(library.similar(colours / "red.png", k=3)) == 3
    assert backends == []


def test_a_library_too_large_for_the_gpu_is_searched_on_the_cpu(
    tmp_path: Path,
    colours: Path,
    backends: list[GpuBackend],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.")

    monkeypatch.setattr(TorchBackend, "add", full)
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
        with caplog.at_level(logging.WARNING):
            assert top_stems(library, "red")[0] == "red"
            assert top_stems(library, "lime")[0] == "lime"
    assert caplog.messages == ["the GPU cannot search 6 vectors (CUDA out of memory.); the CPU is used instead"]
    assert len(backends) == 1


def test_cuda_without_a_gpu_is_refused_in_one_line(photos: Path, recall_program: Program) -> None:
    run = recall_program("index", photos, "--device", "cuda", env={"CUDA_VISIBLE_DEVICES": "-1"})
    assert (run.returncode, run.stdout) == (2, "")
    assert "device 'cuda' cannot be used here (" in run.stderr.splitlines()[-1]
    assert "expected auto, cpu, cuda or mps" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no attribute"),  # the rest of two packages after one of them was uninstalled
        ("raise RuntimeError('nvidia-cuda-runtime-cu12 is missing')", "nvidia-cuda-runtime-cu12 is missing"),
    ],
)
def test_a_partial_installation_of_faiss_is_refused_with_advice(
    tmp_path: Path, photos: Path, recall_program: Program, content: str, reason: str
) -> None:
    (tmp_path / "broken" / "faiss").mkdir(parents=True)
    (tmp_path / "broken" / "faiss" / "__init__.py").write_text(content)
    run = recall_program("index", photos, env={"PYTHONPATH": str(tmp_path / "broken")})
    assert (run.returncode, "Traceback" in run.stderr) == (2, False), run.stderr
    assert reason in run.stderr
    assert "run: pip uninstall faiss-cpu faiss-gpu, then pip install" in run.stderr
