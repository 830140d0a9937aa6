"""Small open_clip models with random weights, saved as folders that `local-dir:` loads."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
}
"""A vision transformer of one layer and a text transformer of one layer, open_clip's own tokenizer."""


def config(
    *, vision: dict[str, Any] | None = None, text: dict[str, Any] | None = None, **preprocess: object
) -> dict[str, Any]:
    """Return `CONFIG` with some of its values replaced."""
    changed = copy.deepcopy(CONFIG)
    changed["model_cfg"]["vision_cfg"] |= vision or {}
    changed["model_cfg"]["text_cfg"] |= text or {}
    changed["preprocess_cfg"] |= preprocess
    return changed


def _siglip() -> dict[str, Any]:
    """Return the configuration of a model with SigLIP's loss."""
    changed = config(resize_mode="squash", interpolation="bilinear")
    changed["model_cfg"] |= {"custom_text": True, "init_logit_bias": -10}
    return changed


def _timm(name: str, *, pool: str, image_size: int) -> dict[str, Any]:
    """Return the configuration of a model whose image tower is one of timm's."""
    changed = config()
    changed["model_cfg"]["vision_cfg"] = {
        "timm_model_name": name, "timm_model_pretrained": False, "timm_pool": pool, "timm_proj": "linear",
        "image_size": image_size,
    }  # fmt: skip
    return changed


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "clip": CONFIG,
    "siglip": _siglip(),
    "timm": _timm("test_vit", pool="token", image_size=160),
    "convolutions": _timm("tf_efficientnet_lite0", pool="avg", image_size=32),
}
"""One model of each type of architecture in open_clip."""


def make_weights(content: dict[str, Any], *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random weights of a model, the same for the same seed, without a change of torch's random state."""
    kind = open_clip.CustomTextCLIP if content["model_cfg"].get("custom_text") else open_clip.CLIP
    arguments = {name: value for name, value in content["model_cfg"].items() if name != "custom_text"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(**arguments)
    return {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}


def save_model(
    folder: Path, content: dict[str, Any] = CONFIG, *, seed: int = 0, weights: dict[str, torch.Tensor] | None = None
) -> str:
    """Save a model in the layout of open_clip's `push_to_hf_hub`, and return its encoder name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    save_file(make_weights(content, seed=seed) if weights is None else weights, folder / "open_clip_model.safetensors")
    return f"local-dir:{folder}"
