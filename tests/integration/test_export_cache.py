"""Exports are made once and kept, and nothing that is broken is used."""

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


def test_the_second_load_needs_no_torch_and_says_nothing(kept_exports: Path, small_model: str) -> None:
    process = start_process(small_model)
    said, logged = process.communicate(timeout=60)
    fingerprint = OpenClipEncoder.load(small_model, device="cpu").fingerprint
    assert said.split() == ["CachedEncoder", fingerprint]
    assert logged == ""


def test_two_processes_at_once_export_once(empty_cache: Path, small_model: str) -> None:
    processes = [start_process(small_model), start_process(small_model)]
    outcomes = [process.communicate(timeout=120) for process in processes]
    assert outcomes[0][0].split()[:2] == outcomes[1][0].split()[:2]  # class and fingerprint
    logged = "".join(error for _, error in outcomes)
    assert logged.count(f"exporting encoder {small_model}") == 1


def test_a_killed_export_leaves_nothing_that_is_used(empty_cache: Path, small_model: str) -> None:
    process = start_process(small_model)
    until = time.monotonic() + 60
    while not list(empty_cache.glob("*.part/image.onnx")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [place.suffix for place in empty_cache.iterdir() if place.is_dir()] == [".part"]
    encoder = load_encoder(small_model, device="cpu")
    assert_agreement(encoder, OpenClipEncoder.load(small_model, device="cpu"), least=0.99999)
    assert not list(empty_cache.glob("*.part"))


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


DAMAGES = [Path.unlink, cut_off, change]
FILES = ["encoder.json", "files.json", "image.onnx", "image.onnx.data", "text.onnx", "text.onnx.data"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGES, ids=["deleted", "cut off", "changed"])
def test_a_damaged_export_is_made_anew_with_one_line_that_says_so(
    kept_exports: Path,
    small_model: str,
    encoder_lines: Callable[[], list[str]],
    file: str,
    damage: Callable[[Path], None],
) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(SAMPLE_TEXTS)
    damage(next(kept_exports.glob("*-int8")) / file)
    np.testing.assert_array_equal(load_encoder(name).encode_texts(SAMPLE_TEXTS), expected)
    assert encoder_lines() == [
        f"the CPU export of encoder {small_model} is damaged and is made anew",
        f"bringing encoder {small_model} to int8, once",
    ]


def test_a_damaged_export_in_float32_is_made_anew_by_torch(
    kept_exports: Path, small_model: str, encoder_lines: Callable[[], list[str]]
) -> None:
    cut_off(next(kept_exports.glob("*-float32")) / "text.onnx.data")
    assert_agreement(
        load_encoder(small_model, device="cpu"), OpenClipEncoder.load(small_model, device="cpu"), least=0.99999
    )
    assert [line.partition(" encoder")[0] for line in encoder_lines()] == ["the CPU export of", "exporting", "exported"]


def test_a_damage_that_size_and_time_do_not_show_is_found_when_the_graph_is_opened(
    kept_exports: Path, small_model: str
) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(SAMPLE_TEXTS)
    file = next(kept_exports.glob("*-int8")) / "text.onnx"
    known = file.stat()
    file.write_bytes(bytes(known.st_size))
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
    np.testing.assert_array_equal(load_encoder(name).encode_texts(SAMPLE_TEXTS), expected)


def test_an_export_that_was_copied_with_new_times_is_used(
    kept_exports: Path, small_model: str, encoder_lines: Callable[[], list[str]]
) -> None:
    for file in kept_exports.glob("*/*"):
        os.utime(file, (1, 1))
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)
    assert encoder_lines() == []


def test_the_same_weights_in_another_folder_use_the_same_export(
    kept_exports: Path, tmp_path: Path, encoder_lines: Callable[[], list[str]]
) -> None:
    assert isinstance(load_encoder(save_model(tmp_path / "elsewhere"), device="cpu"), OnnxEncoder)
    assert encoder_lines() == []


def test_a_folder_with_other_weights_than_before_is_exported_again(tmp_path: Path, kept_exports: Path) -> None:
    before = load_encoder(save_model(tmp_path / "model"), device="cpu")
    encoder = load_encoder(save_model(tmp_path / "model", seed=1), device="cpu")
    assert encoder.fingerprint != before.fingerprint
    assert_agreement(encoder, OpenClipEncoder.load(encoder.name, device="cpu"), least=0.99999)


def test_an_export_that_says_something_else_than_torch_is_refused_once_and_torch_is_used(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    right = onnx_export._ImageTower.forward
    monkeypatch.setattr(onnx_export._ImageTower, "forward", lambda tower, pixels: right(tower, 255 - pixels))
    encoder = load_encoder(small_model, device="cpu")
    assert isinstance(encoder, OpenClipEncoder)
    announced, refused = encoder_lines()
    assert announced.startswith("exporting encoder")
    assert refused.startswith(f"encoder {small_model} has no export for the CPU (its image vectors differ from torch's")
    assert refused.endswith("expected at least 0.99999): torch is used, slower")
    assert not [place for place in empty_cache.iterdir() if place.is_dir()]

    right_export = onnx_export.export
    monkeypatch.setattr(onnx_export, "export", None)  # would be called in vain
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert encoder_lines()[2:] == [refused]
    with pytest.raises(EncoderError, match=r"\+int8' cannot be made \(its image vectors differ.*; use local-dir:"):
        load_encoder(f"{small_model}+int8")

    monkeypatch.setattr(onnx_export._ImageTower, "forward", right)
    monkeypatch.setattr(onnx_export, "export", right_export)
    monkeypatch.setattr(cached_encoder, "versions", lambda: {"torch": "999"})
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_a_tower_that_cannot_be_exported_works_through_torch(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    right = open_clip.CLIP.encode_image

    def by_content(model: Any, image: torch.Tensor, normalize: bool = False) -> Any:
        return right(model, image if image.mean() > 0 else -image, normalize)

    monkeypatch.setattr(open_clip.CLIP, "encode_image", by_content)
    encoder = load_encoder(small_model, device="cpu", batch_size=3)
    assert (type(encoder), encoder.batch_size) == (OpenClipEncoder, 3)
    assert encoder.encode_images(sample_pictures(32)).shape == (12, 32)
    assert encoder_lines()[1].startswith(
        f"encoder {small_model} has no export for the CPU (its image tower cannot be exported"
    )
    assert len(encoder_lines()) == 2


def test_a_cache_that_cannot_be_written_costs_speed_only(
    tmp_path: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "file"))
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    (line,) = encoder_lines()
    assert f"the cache {tmp_path}/file/encoders-1 cannot be written: Not a directory" in line
    with pytest.raises(EncoderError, match="cannot be written"):
        load_encoder(f"{small_model}+int8")


def test_a_disk_that_fills_up_costs_speed_only(
    empty_cache: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    def full(encoder: OpenClipEncoder, folder: Path) -> None:
        (folder / "image.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx_export, "export", full)
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert (
        "cannot be written: No space left on device; set RECALL_CACHE to a folder that can): torch is used"
        in encoder_lines()[-1]
    )
    assert not list(empty_cache.glob("*.part"))


def test_weights_that_give_no_numbers_are_refused(
    tmp_path: Path, empty_cache: Path, encoder_lines: Callable[[], list[str]]
) -> None:
    weights = make_weights(CONFIG)
    weights["visual.proj"][0, 0] = float("nan")
    name = save_model(tmp_path / "model", weights=weights)
    assert isinstance(load_encoder(name, device="cpu"), OpenClipEncoder)
    assert "its image vectors differ from torch's: cosine nan" in encoder_lines()[-1]


def test_a_name_that_says_which_weights_it_means_is_found_by_that_alone(
    kept_exports: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, encoder_lines: Callable[[], list[str]]
) -> None:
    loaded: list[str] = []

    def load(name: str, batch_size: int | None) -> OpenClipEncoder:
        loaded.append(name)
        return OpenClipEncoder.load(small_model, device="cpu", batch_size=batch_size)

    monkeypatch.setattr(cached_encoder, "_load_torch", load)  # there is no hub to load from
    for name in ("ViT-B-32/openai", "hf-hub:org/repo"):
        encoders = [load_encoder(name, device="cpu") for _ in range(2)]
        assert [type(encoder) for encoder in encoders] == [CachedEncoder, CachedEncoder]
        assert encoders[1].name == name
    assert loaded == ["ViT-B-32/openai", "hf-hub:org/repo"]
    assert encoder_lines() == []  # both are the weights that were exported before
