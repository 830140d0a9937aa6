"""Scaling of a picture of any shape to the square that an encoder reads, as open_clip's transform does it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from indexer.images.color import Box
from indexer.types import Pixels, Preprocess

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

_MAX_SCALED = 100_000_000
"""Pixels of the picture whose shorter side was scaled, at most (300 MB): a 65,000 x 1 picture would have 3 billion."""


def prepare(picture: Image.Image, preprocess: Preprocess, *, box: Box | None = None) -> Pixels:
    """Return the picture as an encoder reads it, before normalization.

    The result is pixel for pixel that of `open_clip.transform.image_transform_v2(cfg, is_train=False)` (open_clip 3.3,
    torchvision's PIL functions), except for pictures so narrow that the scaled one would not fit into memory.

    Args:
        picture: RGB, any size; not changed.
        preprocess: The encoder's settings; `mean` and `std` are not applied here.
        box: The part without padding; None for the whole picture.

    Returns:
        Shape (size, size, 3), uint8.
    """
    size, resample = preprocess.size, _FILTERS[preprocess.interpolation]
    box = box or (0.0, 0.0, *picture.size)
    if preprocess.resize_mode == "squash":
        square = picture.resize((size, size), resample, box=box)
    elif preprocess.resize_mode == "longest":
        square = _fit_longest(picture, size, resample, box, fill=preprocess.fill)
    else:
        square = _fit_shortest(picture, size, resample, box)
    return np.array(square, dtype=np.uint8)  # (size, size, 3)


def _fit_shortest(picture: Image.Image, size: int, resample: Image.Resampling, box: Box) -> Image.Image:
    """Return the picture with its shorter side scaled to `size`, cropped to the center square."""
    width, height = box[2] - box[0], box[3] - box[1]
    short, long = min(width, height), max(width, height)
    scaled_long = int(size * long / short)  # in torchvision's order, on which the rounding depends
    scaled = (scaled_long, size) if width > height else (size, scaled_long)
    left, top = round((scaled[0] - size) / 2), round((scaled[1] - size) / 2)
    if scaled_long * size > _MAX_SCALED:
        x_scale, y_scale = width / scaled[0], height / scaled[1]
        center = (
            box[0] + left * x_scale,
            box[1] + top * y_scale,
            box[0] + (left + size) * x_scale,
            box[1] + (top + size) * y_scale,
        )
        return picture.resize((size, size), resample, box=center)
    return picture.resize(scaled, resample, box=box).crop((left, top, left + size, top + size))


def _fit_longest(picture: Image.Image, size: int, resample: Image.Resampling, box: Box, *, fill: int) -> Image.Image:
    """Return the picture with its longer side scaled to `size`, centered on a gray square."""
    width, height = box[2] - box[0], box[3] - box[1]
    ratio = max(width / size, height / size)
    scaled = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    square = Image.new("RGB", (size, size), (fill, fill, fill))
    square.paste(picture.resize(scaled, resample, box=box), ((size - scaled[0]) // 2, (size - scaled[1]) // 2))
    return square
