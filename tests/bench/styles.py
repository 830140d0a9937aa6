"""Styles that a user may like whatever a photo shows, computed from its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STYLES = ("dark", "light", "colourful", "pale")


def photo_tones(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Return mean lightness and mean saturation of photos, 0 to 255, shape (n, 2)."""
    tones = []
    for path in paths:
        with Image.open(path) as photo:
            _, saturation, value = (np.asarray(band) for band in photo.convert("HSV").resize((32, 32)).split())
        tones.append((value.mean(), saturation.mean()))
    return np.array(tones, dtype=np.float64).reshape(-1, 2)


def has_style(style: str, tones: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which photos are in the third with the most of a style, shape (n,)."""
    sign, column = {"dark": (-1, 0), "light": (1, 0), "colourful": (1, 1), "pale": (-1, 1)}[style]
    values = sign * tones[:, column]
    is_highest: NDArray[np.bool_] = values >= np.quantile(values, 2 / 3)
    return is_highest
