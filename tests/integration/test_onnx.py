"""The compact encoder in ONNX Runtime, compared with torch."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

import indexer.encoders
from indexer.encoders.base import COMPACT_FOLDER, Encoder
from indexer.encoders.onnx_encoder import BrokenExportError, OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.images import prepare
from indexer.types import Pixels, Vectors
from tests.conftest import PHOTOS

TEXTS = ["a dog on the beach", "", "!", "don't, 3.14!", "Ünïcödé ß œ", "日本語の写真", "😀 🚀", "word " * 100]
WEIGHTS = COMPACT_FOLDER / "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def compact() -> OnnxEncoder:
    return OnnxEncoder(COMPACT_FOLDER, name="compact")


@pytest.fixture(scope="module")
def reference() -> OpenClipEncoder:
    return OpenClipEncoder.load("compact", device="cpu")


@pytest.fixture(scope="module")
def pixels(skimage_photos: Path, compact: OnnxEncoder) -> Pixels:
    """Return all real photos, then random pictures, a black and a white one."""
    real = [prepare(Image.open(skimage_photos / name).convert("RGB"), compact.preprocess) for name in PHOTOS]
    noise = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    plain = np.stack([np.zeros_like(noise[0]), np.full_like(noise[0], 255)])
    return np.concatenate([np.stack(real), noise, plain])


def min_cosine(left: Vectors, right: Vectors) -> float:
    """Return the smallest cosine between corresponding rows of unit vectors."""
    return float(np.einsum("nd,nd->n", left, right).min())


def test_both_towers_give_the_vectors_of_torch(
    compact: OnnxEncoder, reference: OpenClipEncoder, pixels: Pixels
) -> None:
    images, texts = compact.encode_images(pixels), compact.encode_texts(TEXTS)
    assert min_cosine(images, reference.encode_images(pixels)) > 0.9999
    assert min_cosine(texts, reference.encode_texts(TEXTS)) > 0.9999
    for vectors, count in ((images, len(pixels)), (texts, len(TEXTS))):
        assert vectors.shape == (count, 384)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_the_shipped_description_is_that_of_the_torch_encoder(compact: OnnxEncoder, reference: OpenClipEncoder) -> None:
    assert isinstance(compact, Encoder)
    assert compact.fingerprint == reference.fingerprint
    assert (compact.dim, compact.preprocess) == (reference.dim, reference.preprocess)
    assert (compact.name, compact.device, compact.batch_size) == ("compact", "cpu", 16)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_graphs_refer_to_every_weight_in_the_safetensors_file(tower: str) -> None:
    with WEIGHTS.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    graph = onnx.load(COMPACT_FOLDER / f"{tower}.onnx", load_external_data=False).graph
    stored = [tensor for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    assert {tensor.name for tensor in stored} == {
        name
        for name, entry in header.items()
        if name.startswith("visual.") == (tower == "image") and entry.get("dtype") == "F16" and name != "logit_scale"
    }
    for tensor in stored:
        location = {entry.key: entry.value for entry in tensor.external_data}
        start, end = header[tensor.name]["data_offsets"]
        assert location == {"location": WEIGHTS.name, "offset": str(8 + length + start), "length": str(end - start)}
        assert list(tensor.dims) == header[tensor.name]["shape"]
        assert tensor.data_type == onnx.TensorProto.FLOAT16
    assert (COMPACT_FOLDER / f"{tower}.onnx").stat().st_size < 100_000  # no weights are in the graph


def test_a_batch_gives_the_vectors_of_single_inputs(compact: OnnxEncoder, pixels: Pixels) -> None:
    pairs = OnnxEncoder(COMPACT_FOLDER, name="compact", batch_size=2)
    np.testing.assert_allclose(pairs.encode_images(pixels[:5]), compact.encode_images(pixels[:5]), atol=1e-5)
    batch = compact.encode_texts(TEXTS)  # padded to the longest
    np.testing.assert_allclose(pairs.encode_texts(TEXTS), batch, atol=1e-5)
    for number, text in enumerate(TEXTS):
        np.testing.assert_allclose(compact.encode_texts([text])[0], batch[number], atol=1e-5)


def test_empty_input_gives_no_vectors(compact: OnnxEncoder) -> None:
    assert compact.encode_texts([]).shape == (0, 384)
    assert compact.encode_images(np.empty((0, 224, 224, 3), dtype=np.uint8)).shape == (0, 384)


def test_a_query_of_pictures_alone_loads_no_tokenizer(compact: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.tokenizer.load_tokenizer", lambda *_: pytest.fail("the tokenizer was loaded"))
    assert OnnxEncoder(COMPACT_FOLDER, name="compact").encode_texts([]).shape == (0, compact.dim)


def test_pictures_are_not_changed_and_may_be_read_only_views(compact: OnnxEncoder, pixels: Pixels) -> None:
    images = pixels[:3].copy()
    before, expected = images.copy(), compact.encode_images(images)
    images.flags.writeable = False
    np.testing.assert_allclose(compact.encode_images(images[::-1])[::-1], expected, atol=1e-5)
    np.testing.assert_array_equal(images, before)


def record_sessions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the name of every session opened from now on is added."""
    opened: list[str] = []
    open_session = indexer.encoders.onnx_encoder._open_session

    def record(graph: Path, *, prepacked: bool, threads: int) -> Any:
        opened.append(f"{graph.name}, prepacked" if prepacked else graph.name)
        return open_session(graph, prepacked=prepacked, threads=threads)

    monkeypatch.setattr("indexer.encoders.onnx_encoder._open_session", record)
    return opened


def test_texts_in_several_threads_open_only_the_text_tower_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = record_sessions(monkeypatch)
    encoder = OnnxEncoder(COMPACT_FOLDER, name="compact")
    assert opened == []
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(encoder.encode_texts, [["a cat"]] * 16))
    assert opened == ["text.onnx"]
    assert all((result == vectors[0]).all() for result in vectors)


def test_queries_and_batches_have_sessions_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = record_sessions(monkeypatch)
    encoder = OnnxEncoder(COMPACT_FOLDER, name="compact")
    single = encoder.encode_texts(["a cat"])
    batch = encoder.encode_texts(["a cat"] * 16)
    assert opened == ["text.onnx", "text.onnx, prepacked"]
    np.testing.assert_allclose(batch, single.repeat(16, axis=0), atol=1e-6)
    np.testing.assert_array_equal(encoder.encode_texts(["a cat"]), single)  # to the last bit
    assert len(opened) == 2


def truncate(name: str) -> Callable[[Path], object]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def with_description(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / "encoder.json").read_text())
        change(content)
        (folder / "encoder.json").write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "encoder.json").unlink(), id="description missing"),
        pytest.param(lambda folder: (folder / "encoder.json").write_text("[1]"), id="description is a list"),
        pytest.param(lambda folder: (folder / "encoder.json").write_text("{"), id="description truncated"),
        pytest.param(with_description(lambda content: content.update(format=2)), id="another format"),
        pytest.param(with_description(lambda content: content.pop("dim")), id="field missing"),
        pytest.param(with_description(lambda content: content.update(more=1)), id="unknown field"),
        pytest.param(lambda folder: (folder / "text.onnx").unlink(), id="graph missing"),
        pytest.param(truncate("text.onnx"), id="graph truncated"),
        pytest.param(lambda folder: (folder / "text.onnx").write_bytes(b""), id="graph empty"),
        pytest.param(lambda folder: (folder / WEIGHTS.name).unlink(), id="weights missing"),
        pytest.param(truncate(WEIGHTS.name), id="weights truncated"),
    ],
)
def test_a_damaged_folder_is_refused_with_its_path(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / "export"
    shutil.copytree(COMPACT_FOLDER, folder)
    damage(folder)
    with pytest.raises(BrokenExportError, match=rf"^{folder}.*install Recall again") as refusal:
        OnnxEncoder(folder, name="x").encode_texts(["a cat"])
    assert "\n" not in str(refusal.value)
