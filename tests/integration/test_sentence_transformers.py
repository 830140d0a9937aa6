"""Encoders of sentence-transformers, with a small CLIP model that the test makes."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder
from indexer.errors import EncoderError

pytest.importorskip("sentence_transformers", reason="the extra sentence-transformers is not installed")


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a CLIP model of one layer with random weights, as transformers saves it."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    folder = tmp_path_factory.mktemp("clip")
    letters = string.ascii_letters + string.digits + string.punctuation
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16)
    layers = {"intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 32}
    text = {**layers, "vocab_size": len(tokens), "max_position_embeddings": 16, "bos_token_id": len(tokens) - 2}
    text |= {"eos_token_id": len(tokens) - 1, "pad_token_id": len(tokens) - 1}
    vision = {**layers, "image_size": 32, "patch_size": 16}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(pictures, tokenizer).save_pretrained(folder)  # type: ignore[no-untyped-call]  # no types yet
    return folder


def test_a_batch_gives_what_single_pictures_and_texts_give(clip_folder: Path) -> None:
    encoder = load_encoder(f"st:{clip_folder}", device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    texts = ["a dog", "a", "red house"]
    assert (encoder.dim, encoder.preprocess.size, encoder.preprocess.resize_mode) == (24, 32, "shortest")
    rows = encoder.encode_images(pixels)
    np.testing.assert_allclose(rows, np.concatenate([encoder.encode_images(row[None]) for row in pixels]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    words = encoder.encode_texts(texts)
    np.testing.assert_allclose(words, np.concatenate([encoder.encode_texts([text]) for text in texts]), atol=1e-5)
    assert (encoder.encode_images(pixels[:0]).shape, encoder.encode_texts([]).shape) == ((0, 24), (0, 24))


def test_a_text_longer_than_the_context_does_not_fit(clip_folder: Path) -> None:
    assert load_encoder(f"st:{clip_folder}", device="cpu").fits(["a dog", "x" * 40]) == [True, False]


def test_the_fingerprint_is_that_of_the_weights(clip_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    fingerprint = load_encoder(f"st:{clip_folder}", device="cpu").fingerprint
    assert load_encoder(f"st:{clip_folder}", device="cpu").fingerprint == fingerprint
    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    weights["visual_projection.weight"][0, 0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(f"st:{copy}", device="cpu").fingerprint != fingerprint


def test_a_folder_that_brings_code_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "code.Model"}}))
    with pytest.raises(EncoderError, match="is refused because it brings code of its own"):
        load_encoder(f"st:{copy}", device="cpu")


@pytest.mark.parametrize(
    ("name", "message"), [("st:", "names no model"), ("st:/nowhere", "there is no folder /nowhere")]
)
def test_a_model_that_does_not_exist_is_said(name: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        load_encoder(name, device="cpu")
