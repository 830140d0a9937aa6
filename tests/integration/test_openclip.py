"""Encoding with open_clip models, on small models that the tests make and save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError, EncoderMismatchError
from indexer.images import prepare
from indexer.types import Vectors
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.models import CONFIG, config, make_weights, save_model
from tests.support.pictures import cat, quadrants

TEXTS = ["a dog on the beach", "Ünïcödé and 日本語", "x " * 100]


@pytest.fixture(scope="module")
def encoder(small_model: str) -> Encoder:
    return OpenClipEncoder.load(small_model, device="cpu")


def pictures() -> list[Image.Image]:
    return [cat(), quadrants(), Image.new("RGB", (7, 90), "orange")]


def reference_vectors(name: str, *, texts: list[str], images: list[Image.Image]) -> tuple[Vectors, Vectors]:
    """Return text and image vectors computed as in open_clip's documentation, unit length."""
    model, transform = open_clip.create_model_from_pretrained(name)
    model.eval()
    with torch.no_grad():
        text_vectors = model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
        image_vectors = model.encode_image(torch.stack([transform(image) for image in images]), normalize=True)
    return text_vectors.numpy(), image_vectors.numpy()


def pixels(encoder: Encoder, images: list[Image.Image]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.stack([prepare(image, encoder.preprocess) for image in images])


def check_against_open_clip(encoder: Encoder) -> None:
    """Check that both towers give the vectors of open_clip."""
    expected_texts, expected_images = reference_vectors(encoder.name, texts=TEXTS, images=pictures())
    texts, images = encoder.encode_texts(TEXTS), encoder.encode_images(pixels(encoder, pictures()))
    assert np.einsum("nd,nd->n", texts, expected_texts).min() > 0.9999
    assert np.einsum("nd,nd->n", images, expected_images).min() > 0.9999
    for vectors in (texts, images):
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, encoder.dim)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_both_towers_give_the_vectors_of_open_clip(encoder: Encoder) -> None:
    assert (encoder.dim, encoder.device, encoder.preprocess.size) == (32, "cpu", 32)
    check_against_open_clip(encoder)


SIGLIP = config(
    vision={"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "map", "timm_proj": "none", "image_size": 224},
    text={"no_causal_mask": True, "proj_bias": True, "pool_type": "last"},
    interpolation="bicubic",
    resize_mode="squash",
)
SIGLIP["model_cfg"] |= {"embed_dim": 192, "custom_text": True, "init_logit_bias": -10}
TIMM = config(
    vision={"timm_model_name": "resnet10t", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64},
    resize_mode="longest",
    interpolation="bilinear",
)
for _content in (SIGLIP, TIMM):
    for _name in ("layers", "width", "patch_size", "head_width"):
        del _content["model_cfg"]["vision_cfg"][_name]


@pytest.mark.parametrize("content", [SIGLIP, TIMM], ids=["like SigLIP", "timm convolutions"])
def test_other_types_of_towers_give_the_vectors_of_open_clip(tmp_path: Path, content: dict[str, Any]) -> None:
    check_against_open_clip(OpenClipEncoder.load(save_model(tmp_path / "model", content), device="cpu"))


def test_a_batch_gives_the_vectors_of_single_inputs(encoder: Encoder, small_model: str) -> None:
    small_batches = OpenClipEncoder.load(small_model, device="cpu", batch_size=2)
    assert (encoder.batch_size, small_batches.batch_size) == (32, 2)
    images = pixels(encoder, pictures())
    batch, texts = encoder.encode_images(images), encoder.encode_texts(TEXTS)
    np.testing.assert_allclose(small_batches.encode_images(images), batch, atol=1e-6)
    np.testing.assert_allclose(small_batches.encode_texts(TEXTS), texts, atol=1e-6)
    for number in range(3):
        np.testing.assert_allclose(encoder.encode_images(images[number : number + 1])[0], batch[number], atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(TEXTS[number : number + 1])[0], texts[number], atol=1e-6)


def test_empty_input_gives_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode_texts([]).shape == (0, 32)
    assert encoder.encode_images(np.empty((0, 32, 32, 3), dtype=np.uint8)).shape == (0, 32)


def test_pictures_are_not_changed_and_may_be_read_only_views(encoder: Encoder) -> None:
    images = pixels(encoder, pictures())
    expected, before = encoder.encode_images(images), images.copy()
    images.flags.writeable = False
    np.testing.assert_array_equal(encoder.encode_images(images), expected)
    np.testing.assert_allclose(encoder.encode_images(images[::-1])[::-1], expected, atol=1e-6)
    np.testing.assert_array_equal(images, before)


def test_float16_overflows_are_computed_again_in_float32(small_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = OpenClipEncoder.load(small_model, device="cpu")
    batch = pixels(encoder, pictures())
    with torch.no_grad():  # above float16's 65,504; a layer norm and the scaling to unit length undo it
        encoder.model.visual.conv1.weight.mul_(1e7)
        encoder.model.text_projection.mul_(1e7)
    images, texts = encoder.encode_images(batch), encoder.encode_texts(TEXTS)
    monkeypatch.setattr(encoder, "_autocast", lambda: torch.autocast("cpu", dtype=torch.float16))  # as on a GPU
    with torch.inference_mode():
        assert not torch.isfinite(encoder._encode_part(encoder._upload(batch))).all()
    assert np.einsum("nd,nd->n", encoder.encode_images(batch), images).min() > 0.9999
    assert np.einsum("nd,nd->n", encoder.encode_texts(TEXTS), texts).min() > 0.9999


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "too little memory for 32 .*use a smaller --batch-size"),
        (
            torch.AcceleratorError("CUDA error: out of memory"),
            "too little memory for 32 .*check what else is running",
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "too little memory"),
        (torch.AcceleratorError("CUDA error: unspecified launch failure\nmore"), r"the GPU failed \(CUDA error: un"),
    ],
)
def test_failures_of_a_gpu_are_reported_in_one_line(
    encoder: Encoder, error: RuntimeError, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    assert isinstance(encoder, OpenClipEncoder)
    monkeypatch.setattr(encoder.model, "encode_image", fail)
    monkeypatch.setattr(encoder.model, "encode_text", fail)
    with pytest.raises(EncoderError, match=message) as image_error:
        encoder.encode_images(pixels(encoder, pictures()))
    with pytest.raises(EncoderError, match=message) as text_error:
        encoder.encode_texts(["a"])
    assert "\n" not in f"{image_error.value}{text_error.value}"


def test_a_fingerprint_does_not_depend_on_the_load_or_the_folder(encoder: Encoder, tmp_path: Path) -> None:
    assert len(encoder.fingerprint) == 40
    assert OpenClipEncoder.load(encoder.name, device="cpu").fingerprint == encoder.fingerprint
    assert OpenClipEncoder.load(save_model(tmp_path / "elsewhere"), device="cpu").fingerprint == encoder.fingerprint


def with_one_weight_changed() -> dict[str, torch.Tensor]:
    weights = make_weights(CONFIG)
    weights["visual.proj"][3, 5] += 1e-3
    return weights


@pytest.mark.parametrize(
    ("content", "weights"),
    [
        pytest.param(CONFIG, with_one_weight_changed(), id="one weight"),
        pytest.param(config(mean=[0.5, 0.4, 0.31]), None, id="mean"),
        pytest.param(config(resize_mode="squash"), None, id="resizing"),
        pytest.param(config(interpolation="bilinear"), None, id="interpolation"),
        pytest.param(config(text={"tokenizer_kwargs": {"clean": "canonicalize"}}), None, id="tokenizer"),
        pytest.param(config(text={"context_length": 12}), None, id="context"),
        pytest.param(config(vision={"head_width": 16}), None, id="image heads, same weights"),
        pytest.param(config(text={"heads": 4}), None, id="text heads, same weights"),
    ],
)
def test_everything_that_changes_vectors_changes_the_fingerprint(
    encoder: Encoder, tmp_path: Path, content: dict[str, Any], weights: dict[str, torch.Tensor] | None
) -> None:
    other = OpenClipEncoder.load(save_model(tmp_path / "other", content, weights=weights), device="cpu")
    assert other.fingerprint != encoder.fingerprint


def test_a_library_refuses_a_model_whose_weights_have_changed(tmp_path: Path, folder: Path) -> None:
    name = save_model(tmp_path / "model")
    paint(folder / "a.png", "red")
    path = tmp_path / "test.recall"
    with Library.open(path, encoder=name, device="cpu") as library:
        library.sync(folder)
        assert library.search("red")[0].path.name == "a.png"
    save_model(tmp_path / "model", weights=with_one_weight_changed())
    with Library.open(path, device="cpu") as library:
        with pytest.raises(EncoderMismatchError, match="has changed since this library was indexed"):
            library.search("red")
        paint(folder / "b.png", "blue")
        with pytest.raises(EncoderMismatchError, match="has changed since this library was indexed"):
            library.sync(folder)
        assert library.status().photos == 1


def test_torch_and_onnx_agree_on_which_texts_fit(encoder: Encoder, small_model: str) -> None:
    texts = ["", "a dog", "dog " * 13, "dog " * 14, "dog " * 15, "dog " * 500, "x" * 3000, "ß " * 40]
    expected = [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]  # a context of 16 holds 14 words and two marks
    assert encoder.fits(texts) == expected
    assert load_encoder(small_model, device="cpu").fits(texts) == expected
    assert encoder.fits([]) == []
