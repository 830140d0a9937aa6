"""Encoders in int8: near float32, and never mixed with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder, quantize
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.parity import SAMPLE_TEXTS, sample_pictures
from indexer.errors import EncoderError, EncoderMismatchError
from indexer.store.library_encoder import absolute_encoder_name
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoder_agreement import assert_agreement, start_process
from tests.support.program import Program, program_env


def test_int8_is_near_float32_and_has_a_fingerprint_of_its_own(kept_exports: Path, small_model: str) -> None:
    full, small = load_encoder(small_model, device="cpu"), load_encoder(f"{small_model}+int8")
    assert small.name == f"{small_model}+int8"
    assert_agreement(small, full, least=0.98)
    assert small.fingerprint != full.fingerprint
    assert small.fingerprint == load_encoder(f"{small_model}+int8", device="cpu").fingerprint
    assert (
        np.abs(small.encode_texts(SAMPLE_TEXTS) - full.encode_texts(SAMPLE_TEXTS)).max() > 1e-6
    )  # it is another computation


def test_what_is_encoded_together_in_int8_does_not_change_each_other(kept_exports: Path, small_model: str) -> None:
    encoder, shown = load_encoder(f"{small_model}+int8"), sample_pictures(32)
    images, texts = encoder.encode_images(shown), encoder.encode_texts(SAMPLE_TEXTS)
    for number in (0, 5, 11):
        np.testing.assert_allclose(encoder.encode_images(shown[number : number + 1])[0], images[number], atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(SAMPLE_TEXTS[number : number + 1])[0], texts[number], atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, 32)


def test_compact_in_int8_needs_no_torch_and_is_near_compact(encoder_cache: Path) -> None:
    process = start_process("compact+int8")
    said, _ = process.communicate(timeout=120)
    assert said.split()[0] == "CachedEncoder"
    assert not {"torch", "open_clip"} & set(said.split())
    assert_agreement(load_encoder("compact+int8"), OnnxEncoder(COMPACT_FOLDER, name="compact"), least=0.995)


def test_an_encoder_too_far_from_float32_is_refused_in_int8(
    kept_exports: Path, small_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(next(kept_exports.glob("*-int8")))
    monkeypatch.setattr(quantize, "AGREEMENT", 1.1)
    for _ in range(2):
        with pytest.raises(
            EncoderError, match=r"\+int8' cannot be made \(its image vectors differ from.*\); use local"
        ):
            load_encoder(f"{small_model}+int8")
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_int8_and_float32_never_meet_in_one_library(
    kept_exports: Path, small_model: str, tmp_path: Path, folder: Path, recall_path: Path
) -> None:
    paint(folder / "a.png", "red")
    recall = Program(
        path=recall_path,
        env={**program_env(tmp_path), "RECALL_CACHE": os.environ["RECALL_CACHE"]},
        cwd=tmp_path,
    )
    indexed = recall("index", folder, "--encoder", small_model, "--precision", "int8", "--json")
    assert indexed.returncode == 0, indexed.stderr
    for arguments in ((), ("--precision", "int8"), ("--encoder", f"{small_model}+int8")):
        assert recall("search", "red", "--all", "--paths", *arguments).stdout == f"{folder / 'a.png'}\n"
    refused = recall("search", "red", "--precision", "float32")
    assert refused.returncode == 2
    said = f"this library was indexed with encoder '{small_model}+int8' but '{small_model}' was asked for"
    assert said in refused.stderr
    with pytest.raises(EncoderMismatchError, match=said.replace("+", r"\+")):
        Library.open(tmp_path / "test.recall", encoder=small_model)


def test_a_link_to_a_models_folder_is_followed_in_either_precision(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to("model")
    assert absolute_encoder_name(f"local-dir:{tmp_path / 'link'}") == f"local-dir:{tmp_path / 'model'}"
    assert absolute_encoder_name(f"local-dir:{tmp_path / 'link'}+int8") == f"local-dir:{tmp_path / 'model'}+int8"
