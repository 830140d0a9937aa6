"""The trained model as a folder: open_clip and ONNX Runtime give what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from tests.support.compact import random_picture, tiny_text_tower
from training.compact import student
from training.compact.folding import fold_batch_norm
from training.compact.graphs import write_graphs
from training.compact.open_clip_folder import WEIGHTS_NAME, assemble_state, model_config, write_folder

TRUNK = "test_efficientnet"


@pytest.fixture
def pixels() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 3, 160, 160)


@pytest.fixture
def text_tower() -> TextTransformer:
    return tiny_text_tower().eval()


@pytest.fixture
def folder_and_images(tmp_path: Path, pixels: Tensor, text_tower: TextTransformer) -> tuple[Path, Tensor]:
    """Return the folder of a small model, and the image embeddings of `pixels` before it was written."""
    image_tower: Any = timm.create_model(TRUNK, pretrained=False).eval()
    for name, buffer in image_tower.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)  # norms that have an effect
    head = nn.Linear(image_tower.num_features, text_tower.output_dim)
    with torch.inference_mode():
        features = image_tower.forward_head(image_tower.forward_features(pixels), pre_logits=True)
        images = head(features)
    state = assemble_state(text_tower, fold_batch_norm(image_tower), head, torch.tensor(2.0), trunk=TRUNK)
    folder = write_folder(tmp_path / "model", model_config(text_tower, trunk=TRUNK, size=160), state)
    stored = (folder / WEIGHTS_NAME).stat().st_size
    assert stored < 2.1 * sum(value.numel() for value in state.values())  # two bytes a number
    return folder, images


def test_open_clip_loads_the_folder_and_gives_the_trained_embeddings(
    folder_and_images: tuple[Path, Tensor], pixels: Tensor, text_tower: TextTransformer
) -> None:
    folder, images = folder_and_images
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a dog on the beach"])
    assert tokens.shape == (1, student.CONTEXT)
    assert transform(random_picture(1)).shape == (3, 160, 160)
    cosine = nn.functional.cosine_similarity
    with torch.inference_mode():
        assert cosine(model.eval().encode_image(pixels), images, dim=-1).min() > 0.9999  # float16 has 11 bits
        assert cosine(model.encode_text(tokens), text_tower(tokens), dim=-1).min() > 0.9999


@pytest.mark.slow
def test_onnx_runtime_gives_the_embeddings_of_open_clip(folder_and_images: tuple[Path, Tensor]) -> None:
    folder, _ = folder_and_images
    write_graphs(folder)
    in_onnx, in_torch = OnnxEncoder(folder, name="tiny"), OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")
    assert in_onnx.fingerprint == in_torch.fingerprint
    photos = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), dtype=np.uint8)
    lines = ["", "a dog on the beach", "word " * 50]
    np.testing.assert_allclose(in_onnx.encode_images(photos), in_torch.encode_images(photos), atol=1e-4)
    np.testing.assert_allclose(in_onnx.encode_texts(lines), in_torch.encode_texts(lines), atol=1e-4)
    assert sum((folder / f"{tower}.onnx").stat().st_size for tower in ("image", "text")) < 100_000  # without weights
    first = (folder / "text.onnx").read_bytes()
    write_graphs(folder)
    assert (folder / "text.onnx").read_bytes() == first
