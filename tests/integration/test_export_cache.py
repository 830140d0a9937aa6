"""The cache of exports: each is made once, and damaged ones are never used."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from indexer.encoders import cached_encoder, load_encoder, onnx_export
from indexer.encoders.cached_encoder import CachedEncoder
from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.encoders.parity import SAMPLE_TEXTS, sample_pictures
from indexer.errors import EncoderError
from tests.support.encoder_agreement import assert_agreement, start_process
from tests.support.models import CONFIG, make_weights, save_model


def test_the_second_load_needs_no_torch_and_logs_nothing(exported_model: Path, small_model: str) -> None:
    process = start_process(small_model)
    output, log = process.communicate(timeout=60)
    fingerprint = OpenClipEncoder.load(small_model, device="cpu").fingerprint
    assert output.split() == ["CachedEncoder", fingerprint]
    assert log == ""


@pytest.mark.slow
def test_two_processes_at_once_make_one_export(empty_cache: Path, small_model: str) -> None:
    processes = [start_process(small_model), start_process(small_model)]
    results = [process.communicate(timeout=120) for process in processes]
    assert results[0][0].split()[:2] == results[1][0].split()[:2]  # class and fingerprint
    log = "".join(error for _, error in results)
    assert log.count(f"exporting encoder {small_model}") == 1


@pytest.mark.slow
def test_the_remains_of_a_killed_export_are_not_used(empty_cache: Path, small_model: str) -> None:
    process = start_process(small_model)
    deadline = time.monotonic() + 60
    while not list(empty_cache.glob("*.part/image.onnx")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [path.suffix for path in empty_cache.iterdir() if path.is_dir()] == [".part"]
    encoder = load_encoder(small_model, device="cpu")
    assert_agreement(encoder, OpenClipEncoder.load(small_model, device="cpu"), least=0.99999)
    assert not list(empty_cache.glob("*.part"))


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


DAMAGES = [Path.unlink, truncate, change]
FILES = ["encoder.json", "files.json", "image.onnx", "image.onnx.data", "text.onnx", "text.onnx.data"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGES, ids=["deleted", "truncated", "changed"])
def test_a_damaged_export_is_made_again_and_the_log_says_so(
    exported_model: Path,
    small_model: str,
    encoder_lines: Callable[[], list[str]],
    file: str,
    damage: Callable[[Path], None],
) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(SAMPLE_TEXTS)
    damage(next(exported_model.glob("*-int8")) / file)
    np.testing.assert_array_equal(load_encoder(name).encode_texts(SAMPLE_TEXTS), expected)
    assert encoder_lines() == [
        f"the CPU export of encoder {small_model} is damaged and is made again",
        f"converting encoder {small_model} to int8, once",
    ]


@pytest.mark.slow
def test_a_damaged_export_in_float32_is_made_again_by_torch(
    exported_model: Path, small_model: str, encoder_lines: Callable[[], list[str]]
) -> None:
    truncate(next(exported_model.glob("*-float32")) / "text.onnx.data")
    encoder, reference = load_encoder(small_model, device="cpu"), OpenClipEncoder.load(small_model, device="cpu")
    assert_agreement(encoder, reference, least=0.99999)
    assert [line.partition(" encoder")[0] for line in encoder_lines()] == ["the CPU export of", "exporting", "exported"]


def test_damage_behind_size_and_time_is_found_when_the_graph_is_opened(exported_model: Path, small_model: str) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(SAMPLE_TEXTS)
    file = next(exported_model.glob("*-int8")) / "text.onnx"
    status = file.stat()
    file.write_bytes(bytes(status.st_size))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(load_encoder(name).encode_texts(SAMPLE_TEXTS), expected)


def test_an_export_copied_with_new_times_is_used(
    exported_model: Path, small_model: str, encoder_lines: Callable[[], list[str]]
) -> None:
    for file in exported_model.glob("*/*"):
        os.utime(file, (1, 1))
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)
    assert encoder_lines() == []


def test_the_same_weights_in_another_folder_use_the_same_export(
    exported_model: Path, tmp_path: Path, encoder_lines: Callable[[], list[str]]
) -> None:
    assert isinstance(load_encoder(save_model(tmp_path / "elsewhere"), device="cpu"), OnnxEncoder)
    assert encoder_lines() == []


@pytest.mark.slow
def test_a_folder_whose_weights_have_changed_is_exported_again(tmp_path: Path, exported_model: Path) -> None:
    before = load_encoder(save_model(tmp_path / "model"), device="cpu")
    encoder = load_encoder(save_model(tmp_path / "model", seed=1), device="cpu")
    assert encoder.fingerprint != before.fingerprint
    assert_agreement(encoder, OpenClipEncoder.load(encoder.name, device="cpu"), least=0.99999)


@pytest.mark.slow
def test_an_export_that_differs_from_torch_is_refused_once_and_torch_is_used(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    forward = onnx_export._ImageTower.forward
    monkeypatch.setattr(onnx_export._ImageTower, "forward", lambda tower, pixels: forward(tower, 255 - pixels))
    encoder = load_encoder(small_model, device="cpu")
    assert isinstance(encoder, OpenClipEncoder)
    announcement, refusal = encoder_lines()
    assert announcement.startswith("exporting encoder")
    assert refusal.startswith(f"encoder {small_model} has no export for the CPU (its image vectors differ from torch's")
    assert refusal.endswith("expected at least 0.99999); torch is used, which is slower")
    assert not [path for path in empty_cache.iterdir() if path.is_dir()]

    export = onnx_export.export
    monkeypatch.setattr(onnx_export, "export", None)  # calling it would fail
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert encoder_lines()[2:] == [refusal]
    with pytest.raises(EncoderError, match=r"\+int8' cannot be made \(its image vectors differ.*; use local-dir:"):
        load_encoder(f"{small_model}+int8")

    monkeypatch.setattr(onnx_export._ImageTower, "forward", forward)
    monkeypatch.setattr(onnx_export, "export", export)
    monkeypatch.setattr(cached_encoder, "package_versions", lambda: {"torch": "999"})
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_a_tower_that_cannot_be_exported_runs_in_torch(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    encode_image = open_clip.CLIP.encode_image

    def by_content(model: Any, image: torch.Tensor, normalize: bool = False) -> Any:
        return encode_image(model, image if image.mean() > 0 else -image, normalize)

    monkeypatch.setattr(open_clip.CLIP, "encode_image", by_content)
    encoder = load_encoder(small_model, device="cpu", batch_size=3)
    assert (type(encoder), encoder.batch_size) == (OpenClipEncoder, 3)
    assert encoder.encode_images(sample_pictures(32)).shape == (12, 32)
    assert encoder_lines()[1].startswith(
        f"encoder {small_model} has no export for the CPU (its image tower cannot be exported"
    )
    assert len(encoder_lines()) == 2


def test_without_a_writable_cache_torch_is_used(
    tmp_path: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "file"))
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    (line,) = encoder_lines()
    assert f"the cache {tmp_path}/file/encoders-1 cannot be written: Not a directory" in line
    with pytest.raises(EncoderError, match="cannot be written"):
        load_encoder(f"{small_model}+int8")


def test_with_a_full_disk_torch_is_used(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    def full(encoder: OpenClipEncoder, folder: Path) -> None:
        (folder / "image.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx_export, "export", full)
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert (
        "cannot be written: No space left on device; set RECALL_CACHE to a writable folder); torch is used"
        in encoder_lines()[-1]
    )
    assert not list(empty_cache.glob("*.part"))


@pytest.mark.slow
def test_an_export_that_gives_nan_is_refused(
    tmp_path: Path, empty_cache: Path, encoder_lines: Callable[[], list[str]]
) -> None:
    weights = make_weights(CONFIG)
    weights["visual.proj"][0, 0] = float("nan")
    name = save_model(tmp_path / "model", weights=weights)
    assert isinstance(load_encoder(name, device="cpu"), OpenClipEncoder)
    assert "its image vectors differ from torch's: cosine nan" in encoder_lines()[-1]


def test_a_name_that_determines_its_weights_is_found_without_loading_them(
    exported_model: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    loaded: list[str] = []

    def load(name: str, batch_size: int | None) -> OpenClipEncoder:
        loaded.append(name)
        return OpenClipEncoder.load(small_model, device="cpu", batch_size=batch_size)

    monkeypatch.setattr(cached_encoder, "_load_torch", load)  # there is no hub in tests
    for name in ("ViT-B-32/openai", "hf-hub:org/repo"):
        encoders = [load_encoder(name, device="cpu") for _ in range(2)]
        assert [type(encoder) for encoder in encoders] == [CachedEncoder, CachedEncoder]
        assert encoders[1].name == name
    assert loaded == ["ViT-B-32/openai", "hf-hub:org/repo"]
    assert encoder_lines() == []  # both have the weights that were exported before
