"""Styles that a user may like, which have nothing to do with what a photo shows: computed from its pixels alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STYLES = ("dark", "light", "colourful", "pale")


def tones(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Return mean lightness and mean saturation of photos, 0 to 255, shape (n, 2)."""
    found = []
    for path in paths:
        with Image.open(path) as photo:
            _, saturation, value = (np.asarray(band) for band in photo.convert("HSV").resize((32, 32)).split())
        found.append((value.mean(), saturation.mean()))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def styled(style: str, tone: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the third of the photos, shape (n,), that is the most so."""
    sign, column = {"dark": (-1, 0), "light": (1, 0), "colourful": (1, 1), "pale": (-1, 1)}[style]
    values = sign * tone[:, column]
    chosen: NDArray[np.bool_] = values >= np.quantile(values, 2 / 3)
    return chosen
