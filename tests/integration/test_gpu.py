"""With a GPU: the encoder on it, and the vectors searched there. What a CPU can show of that is tested on one."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError
from indexer.types import Ids, Pixels, Vectors
from indexer.vectors.base import Neighbors
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.gpu import faiss_backend
from indexer.vectors.gpu import index as gpu_index
from indexer.vectors.gpu.backend import GpuBackend
from indexer.vectors.gpu.faiss_backend import FaissBackend, gpus_on
from indexer.vectors.gpu.index import GpuIndex
from indexer.vectors.gpu.select import backend_for
from indexer.vectors.gpu.torch_backend import TorchBackend, has_room
from retrieval import Library
from tests.support.colours import PALETTE, paint
from tests.support.encoders import FakeEncoder
from tests.support.gpu_backends import always_on_gpu
from tests.support.program import Program
from tests.support.vectors import clustered_vectors, unit_vectors

# --- what a CPU can show -------------------------------------------------------------------------------------------


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[GpuBackend]:
    """Return the cards that a library fills, which are on the CPU."""
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
    """Return a folder with a photo of each colour."""
    for colour in PALETTE:
        paint(folder / f"{colour}.png", colour)
    return folder


def found(library: Library, text: str) -> list[str]:
    return [hit.path.stem for hit in library.search(text, k=2)]


def test_vectors_are_searched_where_queries_are_encoded_and_stay_in_step(
    tmp_path: Path, colours: Path, cards: list[GpuBackend]
) -> None:
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
        assert cards == []  # an index that nobody searches costs no memory of a card
        assert found(library, "red")[0] == "red"
        assert [len(card) for card in cards] == [6]
        paint(colours / "more.png", "orange")
        (colours / "blue.png").unlink()
        library.sync(colours)
        assert found(library, "orange")[0] == "more"
        assert "blue" not in found(library, "blue")
        assert len(cards[-1]) >= 6
    with Library.open(
        tmp_path / "test.recall", encoder=FakeEncoder()
    ) as library:  # the file on the disk is the usual one
        before = len(cards)
        assert found(library, "orange")[0] == "more"
        assert library.check() == []
        assert len(cards) == before


def test_a_library_that_is_closed_or_goes_elsewhere_gives_a_card_back(
    tmp_path: Path, colours: Path, cards: list[GpuBackend]
) -> None:
    library = Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1"))
    library.sync(colours)
    assert found(library, "red")[0] == "red"
    store, alive = library._store, weakref.ref(cards.pop())
    assert alive() is not None
    store.device = "cpu"
    store.index()
    gc.collect()
    assert alive() is None
    store.device = "cuda:1"
    assert found(library, "red")[0] == "red"
    alive = weakref.ref(cards.pop())
    library.close()
    gc.collect()
    assert (alive(), store._index) == (None, None)


def test_a_search_without_an_encoder_needs_no_card(tmp_path: Path, colours: Path, cards: list[GpuBackend]) -> None:
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
    with Library.open(tmp_path / "test.recall", device="cuda:1") as library:
        assert len(library.similar(colours / "red.png", k=3)) == 3
    assert cards == []


def test_a_library_that_no_card_can_hold_is_searched_on_the_cpu(
    tmp_path: Path,
    colours: Path,
    cards: list[GpuBackend],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.")

    monkeypatch.setattr(TorchBackend, "add", full)
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(device="cuda:1")) as library:
        library.sync(colours)
        with caplog.at_level(logging.WARNING):
            assert found(library, "red")[0] == "red"
            assert found(library, "lime")[0] == "lime"
    assert caplog.messages == ["the GPU cannot search 6 vectors, so the CPU does: CUDA out of memory."]
    assert len(cards) == 1


def test_on_a_machine_without_a_gpu_cuda_is_refused_in_one_line(photos: Path, recall_program: Program) -> None:
    run = recall_program("index", photos, "--device", "cuda", env={"CUDA_VISIBLE_DEVICES": "-1"})
    assert (run.returncode, run.stdout) == (2, "")
    assert "device 'cuda' cannot be used here (" in run.stderr.splitlines()[-1]
    assert "expected auto, cpu, cuda or mps" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ("", "has no attribute"),  # what is left of two packages when one of them is uninstalled
        ("raise RuntimeError('nvidia-cuda-runtime-cu12 is missing')", "nvidia-cuda-runtime-cu12 is missing"),
    ],
)
def test_half_of_faiss_is_one_line_that_says_how_to_make_it_whole(
    tmp_path: Path, photos: Path, recall_program: Program, left: str, says: str
) -> None:
    (tmp_path / "odd" / "faiss").mkdir(parents=True)
    (tmp_path / "odd" / "faiss" / "__init__.py").write_text(left)
    run = recall_program("index", photos, env={"PYTHONPATH": str(tmp_path / "odd")})
    assert (run.returncode, "Traceback" in run.stderr) == (2, False), run.stderr
    assert says in run.stderr
    assert "run: pip uninstall faiss-cpu faiss-gpu, then pip install" in run.stderr


# --- what needs a GPU ----------------------------------------------------------------------------------------------


@pytest.fixture
def a_gpu() -> None:
    """Skip where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")


@pytest.fixture
def faiss_parts(a_gpu: None) -> None:
    """Skip where FAISS is not built for GPUs."""
    if not gpus_on("cuda", 8, has_room):
        pytest.skip("FAISS is built for the CPU here: pip install 'recall-photos[gpu]' without faiss-cpu")


def photographs(encoder: Encoder, photos: Path) -> Pixels:
    """Return photos as an encoder reads them, more than one call takes."""
    from PIL import Image

    from indexer.images import prepare

    seen = [prepare(Image.open(path).convert("RGB"), encoder.preprocess) for path in sorted(photos.iterdir())]
    return np.stack(seen * 7)  # 147


def cosines(left: Vectors, right: Vectors) -> Vectors:
    products: Vectors = np.einsum("nd,nd->n", left, right)
    return products


@pytest.mark.gpu
@pytest.mark.parametrize("batch_size", [None, 8, 1])  # in parts of 128, 4 and 1
def test_vectors_of_the_gpu_are_those_of_the_cpu(a_gpu: None, photos: Path, batch_size: int | None) -> None:
    here, there = load_encoder("compact", device="cpu"), load_encoder("compact", device="cuda", batch_size=batch_size)
    assert isinstance(there, OpenClipEncoder)
    assert there.fingerprint == here.fingerprint
    pixels = photographs(here, photos)
    assert cosines(there.encode_images(pixels), here.encode_images(pixels)).min() > 0.999
    texts = ["a cat", "a dog on the beach", "x " * 100]
    assert cosines(there.encode_texts(texts), here.encode_texts(texts)).min() > 0.999


@pytest.mark.gpu
def test_copies_that_overlap_never_mix_pictures(a_gpu: None, photos: Path) -> None:
    encoder = load_encoder("compact", device="cuda", batch_size=4)
    pixels = photographs(encoder, photos)
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in pixels])
    for _ in range(20):
        assert cosines(encoder.encode_images(pixels), alone).min() > 0.999
    read_only = pixels[::-1]
    read_only.flags.writeable = False
    assert cosines(encoder.encode_images(read_only)[::-1], alone).min() > 0.999


@pytest.mark.gpu
def test_a_batch_that_is_too_large_for_the_gpu_says_what_to_do(a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    encoder = load_encoder("compact", device="cuda")
    monkeypatch.setattr(encoder, "_computed", lambda *_: torch.empty(1 << 50, dtype=torch.uint8, device="cuda"))
    pixels = np.zeros((1, encoder.preprocess.size, encoder.preprocess.size, 3), dtype=np.uint8)
    with pytest.raises(EncoderError, match="set a smaller --batch-size"):
        encoder.encode_images(pixels)
    monkeypatch.undo()
    assert np.isfinite(encoder.encode_images(pixels)).all()  # and it goes on


class Watched(FaissIndex):
    """An exact index that counts the searches it is asked itself."""

    asked = 0

    def search(self, queries: Vectors, k: int, *, allowed: Ids | None = None) -> Neighbors:
        self.asked += 1
        return super().search(queries, k, allowed=allowed)


def check_card(card: GpuBackend) -> None:
    """Check that a card names what the exact index finds, also after changes and with a filter."""
    exact = Watched(128)
    exact.add(np.arange(20_000, dtype=np.int64), clustered_vectors(20_000, 128, clusters=200, spread=0.7))
    index = GpuIndex(exact, lambda: card)
    queries = unit_vectors(300, 128, seed=5)
    index.search(queries, 10)
    assert len(card) == 20_000
    index.add(np.arange(20_000, 20_100, dtype=np.int64), queries[:100])
    index.remove(np.arange(0, 20_000, 50, dtype=np.int64))
    for k in (1, 10, 500):
        for allowed in (None, exact.ids[::3]):
            before = exact.asked
            there = index.search(queries, k, allowed=allowed)
            assert exact.asked == before
            here = exact.search(queries, k, allowed=allowed)
            assert there.ids.tolist() == here.ids.tolist()
            assert there.scores.tolist() == here.scores.tolist()
    assert index.fits


@pytest.mark.gpu
def test_torch_on_the_gpu_finds_what_the_exact_index_finds(a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    always_on_gpu(monkeypatch)
    check_card(TorchBackend(128, "cuda"))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # TF32, as somebody may have set it
    try:
        check_card(TorchBackend(128, "cuda"))
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.gpu
@pytest.mark.parametrize("copies", [1, 2])  # two parts on one GPU stand for two GPUs
def test_faiss_on_gpus_finds_what_the_exact_index_finds(
    faiss_parts: None, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_on_gpu(monkeypatch)
    check_card(FaissBackend(128, [gpu for _ in range(copies) for gpu in gpus_on("cuda", 128, has_room)]))


@pytest.mark.gpu
def test_faiss_holds_more_than_half_of_a_gpu(faiss_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(faiss_backend, "MAX_PART_VECTORS", 1 << 18)  # 268 MB
    free, _ = torch.cuda.mem_get_info(0)
    rest = torch.empty(max(0, free - (4 << 30)), dtype=torch.uint8, device="cuda")  # 4 GB are left
    card = FaissBackend(512, gpus_on("cuda:0", 512, has_room))
    rows = unit_vectors(65_536, 512).astype(np.float16)
    for _ in range(36):  # 2.4 GB
        card.add(rows)
    assert len(card) == 36 * 65_536
    many = np.concatenate([rows] * 60)  # 3.9 GB
    with pytest.raises(RuntimeError, match="bytes are not free"):  # instead of the end of the process
        card.add(many)
    del rest


@pytest.mark.gpu
def test_the_card_of_a_gpu_is_that_of_faiss_where_it_is_built_for_it(a_gpu: None) -> None:
    assert isinstance(backend_for("cuda", 8), FaissBackend if gpus_on("cuda", 8, has_room) else TorchBackend)


@pytest.mark.gpu
def test_a_library_is_indexed_and_searched_on_the_gpu(
    a_gpu: None, photos: Path, recall_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recall_program("index", photos, "--device", "cuda", "--json")
    assert (run.returncode, json.loads(run.stdout)["added"]) == (0, 21), run.stderr
    shutil.copy(photos / "chelsea.png", photos / "again.png")
    texts = ["a cat", "a cup of coffee", "a man with a camera"]
    ways = {device: [recall_program("search", text, "--paths", "--device", device).stdout for text in texts]
            for device in ("cuda", "cpu")}  # fmt: skip
    assert [out.splitlines()[0] for out in ways["cuda"]] == [out.splitlines()[0] for out in ways["cpu"]]
    monkeypatch.setattr(gpu_index, "QUERIES_BEFORE_UPLOAD", 0)
    with Library.open(recall_program.cwd / "test.recall", device="cuda") as library:
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        assert library.encoder.device == "cuda"
        assert isinstance(library._store.index(), GpuIndex)
        assert library.sync(photos).added == 1
        assert {hit.path.name for hit in library.search("a cat", k=2)} == {"chelsea.png", "again.png"}
