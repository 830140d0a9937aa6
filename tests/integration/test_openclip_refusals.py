"""Open_clip models that cannot be loaded: each is refused with one line that says why."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from indexer.encoders import load_encoder, pretrained_names
from indexer.errors import EncoderError, EncoderNotFoundError
from tests.support.models import CONFIG, config, make_weights, save_model


def refusal(name: str) -> str:
    """Return the message of a refusal, which must be one line."""
    with pytest.raises(EncoderError) as caught:
        load_encoder(name, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_weights_is_refused_instead_of_initialized_randomly(tmp_path: Path) -> None:
    name = save_model(tmp_path / "model")
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    assert f"encoder '{name}' cannot be loaded: " in refusal(name)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(tmp_path: Path, share: float) -> None:
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
    """An object that creates a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_checkpoint_with_code_is_refused_without_running_it(tmp_path: Path, writer: str) -> None:
    name = save_model(tmp_path / "model")
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    file, created = tmp_path / "model" / "open_clip_pytorch_model.bin", tmp_path / "created"
    trap = {"logit_scale": _Trap(created)}
    if writer == "torch":
        torch.save(trap, file)
    else:
        file.write_bytes(pickle.dumps(trap, protocol=2))  # torch's own protocol
    assert "cannot be loaded: " in refusal(name)
    assert not created.exists()


def test_a_folder_without_preprocessing_is_refused(tmp_path: Path) -> None:
    content = {"model_cfg": CONFIG["model_cfg"]}
    assert "has no usable preprocess_cfg" in refusal(save_model(tmp_path / "none", content))
    content["preprocess_cfg"] = {"mean": [0.5, 0.5, 0.5]}
    assert "lacks std; save the model again with its preprocessing" in refusal(save_model(tmp_path / "half", content))


def test_a_missing_folder_and_a_damaged_configuration_are_refused(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory); expected a folder with" in refusal(f"local-dir:{tmp_path}/x")
    (tmp_path / "open_clip_config.json").write_text("{")
    assert "has no usable preprocess_cfg" in refusal(f"local-dir:{tmp_path}")
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"preprocess_cfg": CONFIG["preprocess_cfg"]}))
    assert "cannot be loaded: " in refusal(f"local-dir:{tmp_path}")


def test_a_model_for_pictures_that_are_not_square_is_refused(tmp_path: Path) -> None:
    content = config(vision={"image_size": [32, 64]})
    assert "reads pictures of 64 x 32; Recall supports only squares" in refusal(save_model(tmp_path / "m", content))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert refusal("clip").startswith("no encoder is called 'clip'; expected compact, SHORT-NAME, MODEL/WEIGHTS")
    assert refusal("ViT-B-99/openai") == "open_clip has no model 'ViT-B-99'; run: recall encoder available --all"
    assert "no weights 'nonsense' for ViT-B-32; expected " in refusal("ViT-B-32/nonsense")


def test_the_names_of_open_clips_models_are_sorted() -> None:
    names = pretrained_names()
    assert "ViT-B-32/laion2b_s34b_b79k" in names
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_s34b_b79k", "hf-hub:org/repo"])
def test_an_unreachable_hub_is_reported_with_what_works_without_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderNotFoundError):
        load_encoder(name, device="cpu")
    message = refusal(name)
    assert f"encoder {name!r} is not on this machine and the Hugging Face Hub cannot be reached (" in message
    assert message.endswith("use compact, which ships with Recall, or a model saved in a folder: local-dir:PATH")


def test_an_unknown_device_is_refused(small_model: str) -> None:
    with pytest.raises(EncoderError, match=r"device 'toaster' cannot be used here .*; expected auto, cpu, cuda or mps"):
        load_encoder(small_model, device="toaster")
