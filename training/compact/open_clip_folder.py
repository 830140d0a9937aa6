"""Writes the trained towers as a folder that open_clip loads by local-dir, with weights in float16."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
from open_clip.transformer import TextTransformer
from safetensors.torch import save_file
from torch import Tensor, nn

from training.compact.folding import unfold_batch_norm
from training.compact.teacher import IMAGE_TOWER

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"


def model_config(text: TextTransformer, *, trunk: str = IMAGE_TOWER, size: int = 224) -> dict[str, Any]:
    """Return the contents of open_clip_config.json.

    Args:
        text: The text tower, for its sizes.
        trunk: timm's name of the image tower.
        size: Width and height of its input, pixels.
    """
    return {
        "model_cfg": {
            "embed_dim": text.output_dim,
            "vision_cfg": {
                "timm_model_name": trunk,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "linear",
                "timm_proj_bias": True,
                "image_size": size,
            },
            "text_cfg": {
                "context_length": text.context_length,
                "vocab_size": text.vocab_size,
                "width": text.width,
                "heads": text.heads,
                "layers": len(text.transformer.resblocks),
            },
        },
        "preprocess_cfg": {
            "size": [size, size],
            "mode": "RGB",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def assemble_state(
    text: TextTransformer, folded: nn.Module, head: nn.Linear, scale: Tensor, *, trunk: str = IMAGE_TOWER
) -> dict[str, Tensor]:
    """Return the state of the whole model under open_clip's names.

    Args:
        text: The text tower.
        folded: The image tower, with BatchNorm folded into its convolutions.
        head: The image head for its pooled features.
        scale: Logarithm of one over the temperature.
        trunk: timm's name of the image tower.
    """
    image = unfold_batch_norm(folded, timm.create_model(trunk, pretrained=False))
    state = {f"visual.trunk.{name}": value for name, value in image.state_dict().items() if "classifier" not in name}
    state |= {"visual.head.proj.weight": head.weight, "visual.head.proj.bias": head.bias}
    state |= dict(text.state_dict())
    return state | {"logit_scale": scale}


def write_folder(folder: Path, config: dict[str, Any], state: dict[str, Tensor]) -> Path:
    """Write config and weights (floats in float16) into a folder, and return it.

    The tokenizer needs no file: without an entry in the config, open_clip uses its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.is_floating_point() else value).detach().contiguous().clone()
        for name, value in sorted(state.items())
    }
    partial = folder / (WEIGHTS_NAME + ".partial")
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # safetensors creates files that only the owner can read, and this one ships
    partial.rename(folder / WEIGHTS_NAME)
    (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return folder
