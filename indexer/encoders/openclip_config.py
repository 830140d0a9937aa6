"""Preprocessing in the configuration of an open_clip model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

from indexer.errors import EncoderError, EncoderNotFoundError
from indexer.types import Interpolation, Preprocess, ResizeMode


def check_folder(folder: Path, name: str) -> None:
    """Check that a model's folder specifies its preprocessing.

    open_clip would load a folder without it with OpenAI's preprocessing, and silently return wrong vectors.

    Raises:
        EncoderNotFoundError: The folder or its configuration cannot be read.
        EncoderError: The configuration has no usable preprocessing.
    """
    file = folder / "open_clip_config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        preprocess = config["preprocess_cfg"]
        missing = {"mean", "std"} - set(preprocess)
    except OSError as error:
        raise EncoderNotFoundError(
            f"encoder {name!r} cannot be loaded: {file} cannot be read ({error.strerror}); expected a folder with "
            "open_clip_config.json and weights"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{file} has no usable preprocess_cfg ({error!r}); save the model again with its preprocessing"
        ) from error
    if missing:
        raise EncoderError(
            f"preprocess_cfg in {file} lacks {' and '.join(sorted(missing))}; save the model again with its "
            "preprocessing"
        )


def preprocess_of(config: dict[str, Any], name: str) -> Preprocess:
    """Return the preprocessing in open_clip's `preprocess_cfg`.

    Raises:
        EncoderError: Recall does not support this preprocessing.
    """
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if height != width:
        raise EncoderError(f"encoder {name!r} reads pictures of {width} x {height}; Recall supports only squares")
    mode, interpolation = config.get("resize_mode") or "shortest", config.get("interpolation") or "bicubic"
    if mode not in get_args(ResizeMode) or interpolation not in get_args(Interpolation):
        raise EncoderError(
            f"encoder {name!r} needs resize_mode {mode!r} and interpolation {interpolation!r}; Recall supports "
            f"{', '.join(get_args(ResizeMode))} and {', '.join(get_args(Interpolation))}"
        )
    fill = config.get("fill_color", 0)
    return Preprocess(
        size=height,
        resize_mode=cast("ResizeMode", mode),
        interpolation=cast("Interpolation", interpolation),
        mean=_channels(config["mean"]),
        std=_channels(config["std"]),
        fill=int(fill if isinstance(fill, int | float) else fill[0]),
    )


def _channels(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
