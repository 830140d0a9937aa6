"""The CPU door on the compact encoder: what it gives is what the torch door gives, without torch."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import indexer.encoders
from indexer.encoders import check_name, load_encoder, pretrained_names
from indexer.encoders.base import COMPACT, Encoder, split_precision
from indexer.encoders.onnx import BrokenExportError, OnnxEncoder
from indexer.encoders.openclip import OpenClipEncoder
from indexer.errors import EncoderError, EncoderNotFoundError, MissingPackageError
from indexer.images import prepare
from indexer.types import Pixels
from tests.conftest import PHOTOS
from tests.support.program import program_env

TEXTS = ["a dog on the beach", "", "!", "don't, 3.14!", "Ünïcödé ß œ", "日本語の写真", "😀 🚀", "word " * 100]
WEIGHTS = COMPACT / "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def compact() -> OnnxEncoder:
    return OnnxEncoder(COMPACT, name="compact")


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
    graph = onnx.load(COMPACT / f"{tower}.onnx", load_external_data=False).graph
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
    assert (COMPACT / f"{tower}.onnx").stat().st_size < 100_000  # and none is in the graph too


def test_a_row_alone_gives_the_vector_that_it_gives_among_others(compact: OnnxEncoder, pixels: Pixels) -> None:
    pairs = OnnxEncoder(COMPACT, name="compact", batch_size=2)
    np.testing.assert_allclose(pairs.encode_images(pixels[:5]), compact.encode_images(pixels[:5]), atol=1e-5)
    together = compact.encode_texts(TEXTS)  # padded to the longest
    np.testing.assert_allclose(pairs.encode_texts(TEXTS), together, atol=1e-5)
    for number, text in enumerate(TEXTS):
        np.testing.assert_allclose(compact.encode_texts([text])[0], together[number], atol=1e-5)


def test_nothing_to_encode_gives_no_vectors(compact: OnnxEncoder) -> None:
    assert compact.encode_texts([]).shape == (0, 384)
    assert compact.encode_images(np.empty((0, 224, 224, 3), dtype=np.uint8)).shape == (0, 384)


def test_pictures_may_be_read_only_views_and_are_not_changed(compact: OnnxEncoder, pixels: Pixels) -> None:
    images = pixels[:3].copy()
    before, expected = images.copy(), compact.encode_images(images)
    images.flags.writeable = False
    np.testing.assert_allclose(compact.encode_images(images[::-1])[::-1], expected, atol=1e-5)
    np.testing.assert_array_equal(images, before)


def test_a_text_opens_the_text_tower_alone_and_threads_open_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    really = indexer.encoders.onnx._open

    def counting(graph: Path) -> Any:
        opened.append(graph.name)
        return really(graph)

    monkeypatch.setattr("indexer.encoders.onnx._open", counting)
    encoder = OnnxEncoder(COMPACT, name="compact")
    assert opened == []
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(encoder.encode_texts, [["a cat"]] * 16))
    assert opened == ["text.onnx"]
    assert all((each == vectors[0]).all() for each in vectors)


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
    shutil.copytree(COMPACT, folder)
    damage(folder)
    with pytest.raises(BrokenExportError, match=rf"^{folder}.*install that again") as refused:
        OnnxEncoder(folder, name="x").encode_texts(["a cat"])
    assert "\n" not in str(refused.value)


SMALL = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # import fails as if it were not installed
from retrieval.commands import main
for command in {commands!r}:
    sys.argv = ["recall", *command]
    try:
        main()
    except SystemExit as stop:
        print("exit", stop.code)
"""
TORCH_SIDE = ("torch", "torchvision", "open_clip", "timm", "safetensors", "huggingface_hub", "transformers", "onnx")


def run_without(blocked: tuple[str, ...], *commands: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Return what commands say in a process that cannot import some packages."""
    code = SMALL.format(blocked=blocked, commands=commands)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=program_env(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_compact_indexes_and_searches_where_torch_is_not_installed(photos: Path, tmp_path: Path) -> None:
    library = str(tmp_path / "small.recall")
    run = run_without(
        TORCH_SIDE,
        ["index", str(photos), "--library", library],
        ["search", "a cat", "-k", "1", "--paths", "--library", library],
        folder=tmp_path,
    )
    assert run.stdout.split("\n")[-4:-1] == ["exit 0", str(photos / "chelsea.png"), "exit 0"], run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("blocked", "command", "advice"),
    [
        (TORCH_SIDE, ["index", "PHOTO", "--encoder", "ViT-B-32/openai"], "pip install 'recall-search[torch]'"),
        (TORCH_SIDE, ["index", "PHOTO", "--device", "cuda"], "pip install 'recall-search[torch]'"),
        (TORCH_SIDE, ["encoders", "--all"], "pip install 'recall-search[torch]'"),
        ((*TORCH_SIDE, "onnxruntime"), ["index", "PHOTO"], "pip install 'recall-search[cpu]'"),
    ],
)
def test_what_is_not_installed_is_named_in_one_line(
    blocked: tuple[str, ...], command: list[str], advice: str, photos: Path, tmp_path: Path
) -> None:
    photo = str(photos / "chelsea.png")
    run = run_without(blocked, [photo if word == "PHOTO" else word for word in command], folder=tmp_path)
    assert run.stdout == "exit 1\n"
    assert advice in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_without_onnx_runtime_compact_runs_in_torch(monkeypatch: pytest.MonkeyPatch, compact: OnnxEncoder) -> None:
    monkeypatch.setattr("indexer.encoders.find_spec", lambda name: None if name == "onnxruntime" else name)
    encoder = load_encoder("compact", device="cpu")
    assert isinstance(encoder, OpenClipEncoder)
    assert encoder.fingerprint == compact.fingerprint
    with pytest.raises(MissingPackageError, match=r"compact\+int8.*pip install 'recall-search\[cpu\]'"):
        load_encoder("compact+int8")


def test_a_machine_without_a_gpu_never_imports_torch() -> None:
    assert importlib.util.find_spec("torch")  # else the test would prove nothing
    code = "import sys; from indexer.encoders import load_encoder; load_encoder('compact').encode_texts(['x']);"
    code += "print('torch' in sys.modules, 'onnxruntime' in sys.modules)"
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=hidden)
    assert run.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(("cards", "usable", "expected"), [(0, True, "cpu"), (1, True, "cuda"), (1, False, "cpu")])
def test_auto_is_cuda_where_the_driver_has_a_card_and_torch_can_use_it(
    monkeypatch: pytest.MonkeyPatch, cards: int, usable: bool, expected: str
) -> None:
    class Driver:
        def cuInit(self, flags: int) -> int:  # noqa: N802  the driver's own names
            return 0

        def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
            count._obj.value = cards
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "exists", lambda _: False)  # no AMD card
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert indexer.encoders._best_device() == expected


def test_int8_is_for_the_cpu() -> None:
    with pytest.raises(EncoderError, match=r"'compact\+int8' computes in int8.*--device cpu, or compact"):
        load_encoder("compact+int8", device="cuda")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("compact", ("compact", "float32")),
        ("compact+int8", ("compact", "int8")),
        ("local-dir:/a+b/c", ("local-dir:/a+b/c", "float32")),
        ("local-dir:/a+b/c+int8", ("local-dir:/a+b/c", "int8")),
        ("ViT-B-32/laion2b_s34b_b79k+int8", ("ViT-B-32/laion2b_s34b_b79k", "int8")),
    ],
)
def test_a_precision_is_the_end_of_a_name(name: str, parts: tuple[str, str]) -> None:
    check_name(name)
    assert split_precision(name) == parts


@pytest.mark.parametrize("name", ["+int8", "compact+int4", "compact+", "dense+int8"])
def test_no_other_precision_is_known(name: str) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"no encoder is called .*\+int8"):
        check_name(name)


def test_the_list_of_all_encoders_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'recall-search\[torch\]'"):
        pretrained_names()
