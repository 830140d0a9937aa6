"""Gray pictures of more than 8 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def is_deep_gray(picture: Image.Image) -> bool:
    """Return whether a picture has one channel of more than 8 bits."""
    return picture.mode.startswith("I") or picture.mode == "F"


def deep_gray_to_8_bits(
    picture: Image.Image, *, bits: int = 16, is_unsigned: bool = False, is_white_zero: bool = False
) -> Image.Image:
    """Return a loaded gray picture of more than 8 bits as "L".

    16-bit integers are scaled, as are floats from 0 to 1. Numbers without a natural range (32-bit integers, other
    floats) are stretched from their minimum to their maximum. The transparent color of a PNG becomes white.

    Args:
        picture: In mode "I", "F" or one of the modes "I;16…".
        bits: How many bits 16-bit integers use: 12 reach from 0 to 4,095.
        is_unsigned: Whether 32-bit integers have no sign; Pillow takes them for signed ones.
        is_white_zero: Whether 0 is white and the largest number black.
    """
    values = np.asarray(picture)
    if is_unsigned and values.dtype == np.int32:
        values = values.view(np.uint32)
    gray = _scaled(values, bits=bits)
    if is_white_zero:
        gray = np.uint8(255) - gray
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        gray[values == transparent] = 255
    return Image.fromarray(gray)


def _scaled(values: NDArray[np.generic], *, bits: int) -> NDArray[np.uint8]:
    """Return gray values of any type scaled to 0 to 255, in the same shape."""
    if values.dtype.itemsize == 2:
        low, factor = 0.0, 255.0 / (2**bits - 1)
    else:
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        if values.dtype.kind == "f" and low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        factor = 255.0 / (high - low) if high > low else 0.0
        if values.dtype.kind == "f":
            values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(factor)
    gray: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return gray
