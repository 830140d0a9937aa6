"""Writes a model as an ordinary open_clip folder, with its preprocessing and tokenizer."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
from torch import nn

from indexer.encoders.foreign_code import tokenizer_options
from indexer.encoders.torch_fingerprint import TOKENIZER_SAMPLE
from indexer.errors import EncoderError
from retrieval.tuning.lora.checkpoints import save_tensors

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"
PREPROCESS_KEYS = ("size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color")


def write_model(folder: Path, model: nn.Module, tokenizer: Any, architecture: Any) -> Path:
    """Write a model into a new folder, all of it or nothing, and return the folder.

    Args:
        folder: The folder, which must not exist.
        model: The open_clip model, without updates.
        tokenizer: Its tokenizer.
        architecture: The model's `model_cfg`.

    Raises:
        EncoderError: The folder exists or cannot be written, or the tokenizer cannot be saved in it.
    """
    if folder.exists():
        raise EncoderError(f"{folder} exists already; choose a folder that does not exist")
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        _fill(part, model, tokenizer, architecture)
        part.rename(folder)
    except OSError as error:
        raise EncoderError(f"the model cannot be written to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _fill(folder: Path, model: nn.Module, tokenizer: Any, architecture: Any) -> None:
    preprocess: dict[str, Any] = model.visual.preprocess_cfg  # type: ignore[union-attr,assignment]
    if hasattr(tokenizer, "save_pretrained"):
        tokenizer.save_pretrained(str(folder))
        # open_clip reads the folder's files whatever the name is
        text_cfg = {"hf_tokenizer_name": "in this folder"} | architecture["text_cfg"]
        architecture = architecture | {"text_cfg": text_cfg}
    config = {
        "model_cfg": architecture,
        "preprocess_cfg": {name: preprocess[name] for name in PREPROCESS_KEYS if preprocess.get(name) is not None},
    }
    save_tensors(
        folder / WEIGHTS_NAME,
        {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()},
        {"format": "pt"},
    )
    with (folder / CONFIG_NAME).open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(config, indent=2) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    _check_tokenizer(folder, tokenizer)


def _check_tokenizer(folder: Path, tokenizer: Any) -> None:
    """Check that the tokenizer in a folder gives the same tokens as the original.

    Raises:
        EncoderError: It does not.
    """
    config = open_clip.get_model_config(f"local-dir:{folder}")
    saved = open_clip.get_tokenizer(f"local-dir:{folder}", **tokenizer_options(config))
    if not np.array_equal(np.asarray(saved(list(TOKENIZER_SAMPLE))), np.asarray(tokenizer(list(TOKENIZER_SAMPLE)))):
        raise EncoderError(
            f"the tokenizer of the model ({type(tokenizer).__name__}) cannot be saved in a folder: read back, it gives "
            "other tokens; start from an encoder whose text_cfg names a tokenizer"
        )
