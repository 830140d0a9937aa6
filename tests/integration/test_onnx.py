"""The CPU door on the compact encoder: what it gives is what the torch door gives, without torch."""

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
from indexer.types import Pixels
from tests.conftest import PHOTOS

TEXTS = ["a dog on the beach", "", "!", "don't, 3.14!", "Ünïcödé ß œ", "日本語の写真", "😀 🚀", "word " * 100]
WEIGHTS = COMPACT_FOLDER / "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def compact() -> OnnxEncoder:
    return OnnxEncoder(COMPACT_FOLDER, name="compact")


@pytest.fixture(scope="module")
def by_torch() -> OpenClipEncoder:
    return OpenClipEncoder.load("compact", device="cpu")


@pytest.fixture(scope="module")
def pixels(skimage_photos: Path, compact: OnnxEncoder) -> Pixels:
    """Return all real photos, then random ones, a black and a white one."""
    real = [prepare(Image.open(skimage_photos / name).convert("RGB"), compact.preprocess) for name in PHOTOS]
    drawn = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    plain = np.stack([np.zeros_like(drawn[0]), np.full_like(drawn[0], 255)])
    return np.concatenate([np.stack(real), drawn, plain])


def cosines(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    """Return the smallest cosine between rows of the same number."""
    return float(np.einsum("nd,nd->n", ours, theirs).min())


def test_both_towers_give_what_torch_gives(compact: OnnxEncoder, by_torch: OpenClipEncoder, pixels: Pixels) -> None:
    seen, told = compact.encode_images(pixels), compact.encode_texts(TEXTS)
    assert cosines(seen, by_torch.encode_images(pixels)) > 0.9999
    assert cosines(told, by_torch.encode_texts(TEXTS)) > 0.9999
    for vectors, count in ((seen, len(pixels)), (told, len(TEXTS))):
        assert vectors.shape == (count, 384)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_what_ships_describes_the_encoder_that_torch_loads(compact: OnnxEncoder, by_torch: OpenClipEncoder) -> None:
    assert isinstance(compact, Encoder)
    assert compact.fingerprint == by_torch.fingerprint
    assert (compact.dim, compact.preprocess) == (by_torch.dim, by_torch.preprocess)
    assert (compact.name, compact.device, compact.batch_size) == ("compact", "cpu", 16)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_every_weight_of_a_graph_lies_in_the_safetensors_file_where_its_header_says(tower: str) -> None:
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
        place = {entry.key: entry.value for entry in tensor.external_data}
        start, end = header[tensor.name]["data_offsets"]
        assert place == {"location": WEIGHTS.name, "offset": str(8 + length + start), "length": str(end - start)}
        assert list(tensor.dims) == header[tensor.name]["shape"]
        assert tensor.data_type == onnx.TensorProto.FLOAT16
    assert (COMPACT_FOLDER / f"{tower}.onnx").stat().st_size < 100_000  # and none is in the graph too


def test_a_row_alone_gives_the_vector_that_it_gives_among_others(compact: OnnxEncoder, pixels: Pixels) -> None:
    pairs = OnnxEncoder(COMPACT_FOLDER, name="compact", batch_size=2)
    np.testing.assert_allclose(pairs.encode_images(pixels[:5]), compact.encode_images(pixels[:5]), atol=1e-5)
    together = compact.encode_texts(TEXTS)  # padded to the longest
    np.testing.assert_allclose(pairs.encode_texts(TEXTS), together, atol=1e-5)
    for number, text in enumerate(TEXTS):
        np.testing.assert_allclose(compact.encode_texts([text])[0], together[number], atol=1e-5)


def test_nothing_to_encode_gives_no_vectors(compact: OnnxEncoder) -> None:
    assert compact.encode_texts([]).shape == (0, 384)
    assert compact.encode_images(np.empty((0, 224, 224, 3), dtype=np.uint8)).shape == (0, 384)


def test_a_query_of_pictures_alone_loads_no_tokenizer(compact: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.tokenizer.load_tokenizer", lambda *_: pytest.fail("it was loaded"))
    assert OnnxEncoder(COMPACT_FOLDER, name="compact").encode_texts([]).shape == (0, compact.dim)


def test_pictures_may_be_read_only_views_and_are_not_changed(compact: OnnxEncoder, pixels: Pixels) -> None:
    images = pixels[:3].copy()
    before, expected = images.copy(), compact.encode_images(images)
    images.flags.writeable = False
    np.testing.assert_allclose(compact.encode_images(images[::-1])[::-1], expected, atol=1e-5)
    np.testing.assert_array_equal(images, before)


def counted_openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that names each session that is opened from now on."""
    opened: list[str] = []
    really = indexer.encoders.onnx_encoder._open

    def counting(graph: Path, *, many: bool) -> Any:
        opened.append(f"{graph.name} for {'many' if many else 'few'}")
        return really(graph, many=many)

    monkeypatch.setattr("indexer.encoders.onnx_encoder._open", counting)
    return opened


def test_a_text_opens_the_text_tower_alone_and_threads_open_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = counted_openings(monkeypatch)
    encoder = OnnxEncoder(COMPACT_FOLDER, name="compact")
    assert opened == []
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(encoder.encode_texts, [["a cat"]] * 16))
    assert opened == ["text.onnx for few"]
    assert all((each == vectors[0]).all() for each in vectors)


def test_queries_and_batches_have_sessions_of_their_own_and_equal_queries_equal_vectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = counted_openings(monkeypatch)
    encoder = OnnxEncoder(COMPACT_FOLDER, name="compact")
    alone = encoder.encode_texts(["a cat"])
    together = encoder.encode_texts(["a cat"] * 16)
    assert opened == ["text.onnx for few", "text.onnx for many"]
    np.testing.assert_allclose(together, alone.repeat(16, axis=0), atol=1e-6)
    np.testing.assert_array_equal(encoder.encode_texts(["a cat"]), alone)  # to the last bit, whatever came between
    assert len(opened) == 2


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def described(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / "encoder.json").read_text())
        change(content)
        (folder / "encoder.json").write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "encoder.json").unlink(), id="no description"),
        pytest.param(lambda folder: (folder / "encoder.json").write_text("[1]"), id="a list as description"),
        pytest.param(lambda folder: (folder / "encoder.json").write_text("{"), id="half a description"),
        pytest.param(described(lambda content: content.update(format=2)), id="another format"),
        pytest.param(described(lambda content: content.pop("dim")), id="a field less"),
        pytest.param(described(lambda content: content.update(more=1)), id="a field more"),
        pytest.param(lambda folder: (folder / "text.onnx").unlink(), id="no text graph"),
        pytest.param(cut("text.onnx"), id="half a graph"),
        pytest.param(lambda folder: (folder / "text.onnx").write_bytes(b""), id="an empty graph"),
        pytest.param(lambda folder: (folder / WEIGHTS.name).unlink(), id="no weights"),
        pytest.param(cut(WEIGHTS.name), id="half the weights"),
    ],
)
def test_a_damaged_folder_is_refused_with_its_name(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / "export"
    shutil.copytree(COMPACT_FOLDER, folder)
    damage(folder)
    with pytest.raises(BrokenExportError, match=rf"^{folder}.*install that again") as refused:
        OnnxEncoder(folder, name="x").encode_texts(["a cat"])
    assert "\n" not in str(refused.value)
