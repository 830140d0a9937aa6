"""Writing the trained towers in open_clip's local-dir form, float16, and loading that form back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from open_clip.transformer import TextTransformer
from safetensors.torch import save_file
from torch import Tensor, nn

from training.compact.folding import unfold_batch_norm
from training.compact.teacher import IMAGE_TOWER

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"


def config_of(text: TextTransformer, *, trunk: str = IMAGE_TOWER, size: int = 224) -> dict[str, Any]:
    """Return what open_clip_config.json says about the model.

    Args:
        text: The text tower; its sizes are written down.
        trunk: timm's name of the image tower.
        size: Side of the square that it reads, in pixels.
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


def assemble(
    text: TextTransformer, folded: nn.Module, head: nn.Linear, scale: Tensor, *, trunk: str = IMAGE_TOWER
) -> dict[str, Tensor]:
    """Return the state of the whole model under open_clip's names.

    Args:
        text: The text tower.
        folded: The image tower with BatchNorm folded into its convolutions.
        head: The image head over its pooled features.
        scale: Logarithm of one over the temperature.
        trunk: timm's name of the image tower.
    """
    image = unfold_batch_norm(folded, timm.create_model(trunk, pretrained=False))
    state = {f"visual.trunk.{name}": value for name, value in image.state_dict().items() if "classifier" not in name}
    state |= {"visual.head.proj.weight": head.weight, "visual.head.proj.bias": head.bias}
    state |= dict(text.state_dict())
    return state | {"logit_scale": scale}


def write(folder: Path, config: dict[str, Any], state: dict[str, Tensor]) -> Path:
    """Return the folder after writing config and weights (floats in float16) into it.

    The tokenizer needs no file: it is open_clip's own, which the config's silence selects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.is_floating_point() else value).detach().contiguous().clone()
        for name, value in sorted(state.items())
    }
    partial = folder / (WEIGHTS_NAME + ".partial")
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # safetensors writes for the owner alone, and this ships
    partial.rename(folder / WEIGHTS_NAME)
    (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return folder


def load(folder: Path) -> tuple[nn.Module, Any, Any]:
    """Return model, transform and tokenizer as open_clip loads them from the folder, in float32."""
    name = f"local-dir:{folder}"
    model, transform = open_clip.create_model_from_pretrained(name, precision="fp32", device=torch.device("cpu"))
    return model.eval(), transform, open_clip.get_tokenizer(name)
