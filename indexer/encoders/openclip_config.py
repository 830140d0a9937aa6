"""What the configuration of an open_clip model says of its pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

from indexer.errors import EncoderError, EncoderNotFoundError
from indexer.types import Interpolation, Preprocess, ResizeMode


def check_folder(folder: Path, name: str) -> None:
    """Check that a model's folder says all that decides its vectors.

    A folder without preprocessing would be loaded with OpenAI's, and give wrong vectors without a word.
    """
    file = folder / "open_clip_config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        preprocess = config["preprocess_cfg"]
        missing = {"mean", "std"} - set(preprocess)
    except OSError as error:
        raise EncoderNotFoundError(
            f"encoder {name!r} cannot be loaded: {file} cannot be read ({error.strerror}); expected a folder with "
            "open_clip_config.json and its weights"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{file} has no usable preprocess_cfg ({error!r}); save the model with its own") from error
    if missing:
        raise EncoderError(f"preprocess_cfg in {file} lacks {' and '.join(sorted(missing))}; save the model with them")


def preprocess_of(config: dict[str, Any], name: str) -> Preprocess:
    """Return open_clip's preprocessing as our value."""
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if height != width:
        raise EncoderError(f"encoder {name!r} reads pictures of {width} x {height}; Recall supports squares only")
    mode, filtering = config.get("resize_mode") or "shortest", config.get("interpolation") or "bicubic"
    if mode not in get_args(ResizeMode) or filtering not in get_args(Interpolation):
        raise EncoderError(
            f"encoder {name!r} asks for resize_mode {mode!r} and interpolation {filtering!r}; Recall knows "
            f"{', '.join(get_args(ResizeMode))} and {', '.join(get_args(Interpolation))}"
        )
    fill = config.get("fill_color", 0)
    return Preprocess(
        size=height,
        resize_mode=cast("ResizeMode", mode),
        interpolation=cast("Interpolation", filtering),
        mean=_channels(config["mean"]),
        std=_channels(config["std"]),
        fill=int(fill if isinstance(fill, int | float) else fill[0]),
    )


def _channels(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
