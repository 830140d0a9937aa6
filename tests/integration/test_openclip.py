"""The torch door, on small models that the tests make and save."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from indexer.encoders import load_encoder, pretrained_names
from indexer.encoders.base import Encoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError, EncoderMismatchError, EncoderNotFoundError
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


def by_open_clip(name: str, *, texts: list[str], images: list[Image.Image]) -> tuple[Vectors, Vectors]:
    """Return text and image vectors as open_clip's own documentation makes them, unit length."""
    model, transform = open_clip.create_model_from_pretrained(name)
    model.eval()
    with torch.no_grad():
        told = model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
        seen = model.encode_image(torch.stack([transform(image) for image in images]), normalize=True)
    return told.numpy(), seen.numpy()


def pixels(encoder: Encoder, images: list[Image.Image]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.stack([prepare(image, encoder.preprocess) for image in images])


def check_against_open_clip(encoder: Encoder) -> None:
    """Check that both towers give what open_clip gives."""
    told, seen = by_open_clip(encoder.name, texts=TEXTS, images=pictures())
    texts, images = encoder.encode_texts(TEXTS), encoder.encode_images(pixels(encoder, pictures()))
    assert np.einsum("nd,nd->n", texts, told).min() > 0.9999
    assert np.einsum("nd,nd->n", images, seen).min() > 0.9999
    for vectors in (texts, images):
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, encoder.dim)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_both_towers_give_what_open_clip_gives(encoder: Encoder) -> None:
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
for _wanted in (SIGLIP, TIMM):
    for _name in ("layers", "width", "patch_size", "head_width"):
        del _wanted["model_cfg"]["vision_cfg"][_name]


@pytest.mark.parametrize("content", [SIGLIP, TIMM], ids=["in the way of SigLIP", "convolutions from timm"])
def test_other_kinds_of_towers_give_what_open_clip_gives(tmp_path: Path, content: dict[str, Any]) -> None:
    check_against_open_clip(OpenClipEncoder.load(save_model(tmp_path / "model", content), device="cpu"))


def test_a_picture_alone_gives_the_vector_that_it_gives_among_others(encoder: Encoder, small_model: str) -> None:
    small_batches = OpenClipEncoder.load(small_model, device="cpu", batch_size=2)
    assert (encoder.batch_size, small_batches.batch_size) == (32, 2)
    images = pixels(encoder, pictures())
    together, texts = encoder.encode_images(images), encoder.encode_texts(TEXTS)
    np.testing.assert_allclose(small_batches.encode_images(images), together, atol=1e-6)
    np.testing.assert_allclose(small_batches.encode_texts(TEXTS), texts, atol=1e-6)
    for number in range(3):
        np.testing.assert_allclose(encoder.encode_images(images[number : number + 1])[0], together[number], atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(TEXTS[number : number + 1])[0], texts[number], atol=1e-6)


def test_nothing_to_encode_gives_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode_texts([]).shape == (0, 32)
    assert encoder.encode_images(np.empty((0, 32, 32, 3), dtype=np.uint8)).shape == (0, 32)


def test_pictures_handed_in_are_not_changed_and_may_be_read_only_views(encoder: Encoder) -> None:
    images = pixels(encoder, pictures())
    expected, before = encoder.encode_images(images), images.copy()
    images.flags.writeable = False
    np.testing.assert_array_equal(encoder.encode_images(images), expected)
    np.testing.assert_allclose(encoder.encode_images(images[::-1])[::-1], expected, atol=1e-6)
    np.testing.assert_array_equal(images, before)


def test_what_is_too_large_for_float16_is_computed_in_float32(
    small_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = OpenClipEncoder.load(small_model, device="cpu")
    seen = pixels(encoder, pictures())
    with torch.no_grad():  # beyond the 65,504 of float16; a layer norm and the unit length take it out again
        encoder.model.visual.conv1.weight.mul_(1e7)
        encoder.model.text_projection.mul_(1e7)
    images, texts = encoder.encode_images(seen), encoder.encode_texts(TEXTS)
    monkeypatch.setattr(encoder, "_autocast", lambda: torch.autocast("cpu", dtype=torch.float16))  # as on a card
    with torch.inference_mode():
        assert not torch.isfinite(encoder._computed(encoder._moved(seen))).all()
    assert np.einsum("nd,nd->n", encoder.encode_images(seen), images).min() > 0.9999
    assert np.einsum("nd,nd->n", encoder.encode_texts(TEXTS), texts).min() > 0.9999


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "too little memory for 32 .*set a smaller --batch-size"),
        (torch.AcceleratorError("CUDA error: out of memory"), "too little memory for 32 .*see what else is on it"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "too little memory"),
        (torch.AcceleratorError("CUDA error: unspecified launch failure\nmore"), r"the GPU failed \(CUDA error: un"),
    ],
)
def test_what_a_card_cannot_do_is_said_in_one_line(
    encoder: Encoder, error: RuntimeError, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    assert isinstance(encoder, OpenClipEncoder)
    monkeypatch.setattr(encoder.model, "encode_image", fail)
    monkeypatch.setattr(encoder.model, "encode_text", fail)
    with pytest.raises(EncoderError, match=message) as seen:
        encoder.encode_images(pixels(encoder, pictures()))
    with pytest.raises(EncoderError, match=message) as told:
        encoder.encode_texts(["a"])
    assert "\n" not in f"{seen.value}{told.value}"


def test_a_fingerprint_is_the_same_at_every_load_and_in_every_place(encoder: Encoder, tmp_path: Path) -> None:
    assert len(encoder.fingerprint) == 40
    assert OpenClipEncoder.load(encoder.name, device="cpu").fingerprint == encoder.fingerprint
    assert OpenClipEncoder.load(save_model(tmp_path / "elsewhere"), device="cpu").fingerprint == encoder.fingerprint


def one_weight_more() -> dict[str, torch.Tensor]:
    weights = make_weights(CONFIG)
    weights["visual.proj"][3, 5] += 1e-3
    return weights


@pytest.mark.parametrize(
    ("content", "weights"),
    [
        pytest.param(CONFIG, one_weight_more(), id="one weight"),
        pytest.param(config(mean=[0.5, 0.4, 0.31]), None, id="mean"),
        pytest.param(config(resize_mode="squash"), None, id="resizing"),
        pytest.param(config(interpolation="bilinear"), None, id="interpolation"),
        pytest.param(config(text={"tokenizer_kwargs": {"clean": "canonicalize"}}), None, id="tokenizer"),
        pytest.param(config(text={"context_length": 12}), None, id="context"),
        pytest.param(config(vision={"head_width": 16}), None, id="heads, with equal weights"),
        pytest.param(config(text={"heads": 4}), None, id="heads of the text tower, with equal weights"),
    ],
)
def test_whatever_changes_the_vectors_changes_the_fingerprint(
    encoder: Encoder, tmp_path: Path, content: dict[str, Any], weights: dict[str, torch.Tensor] | None
) -> None:
    other = OpenClipEncoder.load(save_model(tmp_path / "other", content, weights=weights), device="cpu")
    assert other.fingerprint != encoder.fingerprint


def refusal(name: str) -> str:
    """Return the message with which an encoder is refused, one line."""
    with pytest.raises(EncoderError) as caught:
        load_encoder(name, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_weights_is_refused_and_nothing_random_takes_their_place(tmp_path: Path) -> None:
    name = save_model(tmp_path / "model")
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    assert f"encoder '{name}' cannot be loaded: " in refusal(name)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_weights_that_are_cut_off_are_refused(tmp_path: Path, share: float) -> None:
    name = save_model(tmp_path / "model")
    file = tmp_path / "model" / "open_clip_model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert "cannot be loaded: " in refusal(name)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    weights = make_weights(CONFIG)
    del weights["visual.proj"]
    assert "cannot be loaded: " in refusal(save_model(tmp_path / "missing", weights=weights))
    other = make_weights(config(text={"width": 64}))
    assert "cannot be loaded: " in refusal(save_model(tmp_path / "other", weights=other))


class _Trap:
    """An object whose unpickling makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("by", ["torch", "pickle"])
def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path, by: str) -> None:
    name = save_model(tmp_path / "model")
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    file, sprung = tmp_path / "model" / "open_clip_pytorch_model.bin", tmp_path / "sprung"
    trap = {"logit_scale": _Trap(sprung)}
    if by == "torch":
        torch.save(trap, file)
    else:
        file.write_bytes(pickle.dumps(trap, protocol=2))  # the protocol of torch itself
    assert "cannot be loaded: " in refusal(name)
    assert not sprung.exists()


def test_a_folder_that_does_not_say_how_to_prepare_pictures_is_refused(tmp_path: Path) -> None:
    content = {"model_cfg": CONFIG["model_cfg"]}
    assert "has no usable preprocess_cfg" in refusal(save_model(tmp_path / "none", content))
    content["preprocess_cfg"] = {"mean": [0.5, 0.5, 0.5]}
    assert "lacks std; save the model with them" in refusal(save_model(tmp_path / "half", content))


def test_a_folder_that_is_none_or_holds_no_json_is_refused(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory); expected a folder with" in refusal(f"local-dir:{tmp_path}/x")
    (tmp_path / "open_clip_config.json").write_text("{")
    assert "has no usable preprocess_cfg" in refusal(f"local-dir:{tmp_path}")
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"preprocess_cfg": CONFIG["preprocess_cfg"]}))
    assert "cannot be loaded: " in refusal(f"local-dir:{tmp_path}")


def test_pictures_that_are_not_square_are_refused(tmp_path: Path) -> None:
    content = config(vision={"image_size": [32, 64]})
    assert "reads pictures of 64 x 32; Recall supports squares only" in refusal(save_model(tmp_path / "m", content))


def test_unknown_names_say_what_is_known() -> None:
    assert refusal("clip").startswith("no encoder is called 'clip'; expected compact, MODEL/WEIGHTS")
    assert refusal("ViT-B-99/openai") == "open_clip knows no model 'ViT-B-99'; run: recall encoder available --all"
    assert "no weights 'nonsense' of ViT-B-32; it knows " in refusal("ViT-B-32/nonsense")


def test_the_names_that_open_clip_can_download_are_listed_in_order() -> None:
    names = pretrained_names()
    assert "ViT-B-32/laion2b_s34b_b79k" in names
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_s34b_b79k", "hf-hub:org/repo"])
def test_a_hub_out_of_reach_is_one_line_that_says_what_works_without_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderNotFoundError):
        load_encoder(name, device="cpu")
    said = refusal(name)
    assert f"encoder {name!r} is not on this machine and the Hugging Face Hub cannot be reached (" in said
    assert said.endswith("use compact, which ships with Recall, or a model saved in a folder: local-dir:PATH")


def test_a_device_that_is_not_here_is_refused(small_model: str) -> None:
    with pytest.raises(EncoderError, match=r"device 'toaster' cannot be used here .*; expected auto, cpu, cuda or mps"):
        load_encoder(small_model, device="toaster")


def test_a_library_refuses_a_model_whose_files_have_changed(tmp_path: Path, folder: Path) -> None:
    name = save_model(tmp_path / "model")
    paint(folder / "a.png", "red")
    path = tmp_path / "test.recall"
    with Library.open(path, encoder=name, device="cpu") as library:
        library.sync(folder)
        assert library.search("red")[0].path.name == "a.png"
    save_model(tmp_path / "model", weights=one_weight_more())
    with Library.open(path, device="cpu") as library:
        with pytest.raises(EncoderMismatchError, match="is not the one that this library was indexed with"):
            library.search("red")
        paint(folder / "b.png", "blue")
        with pytest.raises(EncoderMismatchError, match="is not the one that this library was indexed with"):
            library.sync(folder)
        assert library.status().photos == 1


def test_torch_and_onnx_agree_on_which_texts_fit(encoder: Encoder, small_model: str) -> None:
    texts = ["", "a dog", "dog " * 13, "dog " * 14, "dog " * 15, "dog " * 500, "x" * 3000, "ß " * 40]
    fitting = [True, True, True, True, False, False, False, False]  # the context of 16 holds 14 words and two marks
    assert encoder.fits(texts) == fitting
    assert load_encoder(small_model, device="cpu").fits(texts) == fitting
    assert encoder.fits([]) == []
