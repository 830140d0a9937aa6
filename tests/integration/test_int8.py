"""Encoders in int8: similar to float32, and never mixed with it."""

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


def test_int8_is_similar_to_float32_and_has_a_fingerprint_of_its_own(exported_model: Path, small_model: str) -> None:
    float32, int8 = load_encoder(small_model, device="cpu"), load_encoder(f"{small_model}+int8")
    assert int8.name == f"{small_model}+int8"
    assert_agreement(int8, float32, least=0.98)
    assert int8.fingerprint != float32.fingerprint
    assert int8.fingerprint == load_encoder(f"{small_model}+int8", device="cpu").fingerprint
    assert (
        np.abs(int8.encode_texts(SAMPLE_TEXTS) - float32.encode_texts(SAMPLE_TEXTS)).max() > 1e-6
    )  # it is a different computation


def test_inputs_of_one_batch_in_int8_do_not_influence_each_other(exported_model: Path, small_model: str) -> None:
    encoder, pictures = load_encoder(f"{small_model}+int8"), sample_pictures(32)
    images, texts = encoder.encode_images(pictures), encoder.encode_texts(SAMPLE_TEXTS)
    for number in (0, 5, 11):
        np.testing.assert_allclose(encoder.encode_images(pictures[number : number + 1])[0], images[number], atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(SAMPLE_TEXTS[number : number + 1])[0], texts[number], atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, 32)


def test_compact_in_int8_needs_no_torch(encoder_cache: Path) -> None:
    process = start_process("compact+int8")
    output, _ = process.communicate(timeout=120)
    assert output.split()[0] == "CachedEncoder"
    assert not {"torch", "open_clip"} & set(output.split())
    assert_agreement(load_encoder("compact+int8"), OnnxEncoder(COMPACT_FOLDER, name="compact"), least=0.995)


def test_an_encoder_that_loses_too_much_in_int8_is_refused(
    exported_model: Path, small_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(next(exported_model.glob("*-int8")))
    monkeypatch.setattr(quantize, "MIN_COSINE", 1.1)
    for _ in range(2):
        with pytest.raises(
            EncoderError, match=r"\+int8' cannot be made \(its image vectors differ from.*\); use local"
        ):
            load_encoder(f"{small_model}+int8")
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_a_library_refuses_the_other_precision(
    exported_model: Path, small_model: str, tmp_path: Path, folder: Path, recall_path: Path
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
    run = recall("search", "red", "--precision", "float32")
    assert run.returncode == 2
    message = f"this library was indexed with encoder '{small_model}+int8' but '{small_model}' was requested"
    assert message in run.stderr
    with pytest.raises(EncoderMismatchError, match=message.replace("+", r"\+")):
        Library.open(tmp_path / "test.recall", encoder=small_model)


def test_a_link_to_a_models_folder_is_resolved_in_both_precisions(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to("model")
    assert absolute_encoder_name(f"local-dir:{tmp_path / 'link'}") == f"local-dir:{tmp_path / 'model'}"
    assert absolute_encoder_name(f"local-dir:{tmp_path / 'link'}+int8") == f"local-dir:{tmp_path / 'model'}+int8"
