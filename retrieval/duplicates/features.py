"""Corners of a grey picture with small patches around them, by which two pictures are aligned.

After Brown, Szeliski and Winder, "Multi-Image Matching using Multi-Scale Oriented Patches" (CVPR 2005), but without the
orientation of patches: a picture is rotated by quarters and mirrored instead, which only reorders a patch.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Vectors

Number = TypeVar("Number", bound=np.generic)

Grey = NDArray[np.float32]
"""A grey picture, shape (height, width), float32, 0 to 255."""

ORIENTATIONS = 8
"""Number of orientations: number // 4 is whether the picture is first mirrored left to right, number % 4 by how many
quarters it is then rotated counter-clockwise."""

_LEVELS = ((160, 100), (113, 80), (80, 60), (57, 40), (40, 25))
"""Longer side in pixels and number of corners at each level. Steps of 2**.5 leave scales at most 2**.25 apart."""

_OFFSETS = np.arange(-7, 8, 2)
"""Offsets at which a patch is sampled, 8 x 8 times around a corner."""

_MARGIN = 8
"""Pixels around a corner that a patch needs."""

_MIN_DEVIATION = 2.0
"""Standard deviation in grey levels below which a patch is noise."""


class Features(NamedTuple):
    """Corners and their patches.

    Attributes:
        points: Position across and down from the top left corner, as shares of the picture's longer side, shape (n, 2),
            float32.
        patches: Unit vectors with mean 0, shape (n, 64), float32.
    """

    points: Vectors
    patches: Vectors


def find_features(grey: Grey) -> Features:
    """Return the corners of a picture at five sizes, strongest first at each size."""
    picture = Image.fromarray(grey)
    levels = [_find_at_level(picture, side, count) for side, count in _LEVELS]
    return Features(*(np.concatenate([getattr(level, name) for level in levels]) for name in Features._fields))


def reorient(grey: NDArray[Number], orientation: int) -> NDArray[Number]:
    """Return a picture mirrored and rotated; see `ORIENTATIONS`."""
    return np.ascontiguousarray(np.rot90(grey[:, ::-1] if orientation >= 4 else grey, orientation % 4))


def reorient_features(features: Features, orientation: int, shape: tuple[int, int]) -> Features:
    """Return the features of a picture of this height and width after it is mirrored and rotated."""
    if orientation == 0:
        return features
    across, down = features.points.T
    width, height = shape[1] / max(shape), shape[0] / max(shape)
    if orientation >= 4:
        across = width - across
    for _ in range(orientation % 4):
        across, down, width, height = down, width - across, height, width
    order = reorient(np.arange(64).reshape(8, 8), orientation).ravel()
    return Features(np.stack([across, down], axis=1), features.patches[:, order])


def smooth(grey: Grey) -> Grey:
    """Return a picture blurred by the binomial filter 1 4 6 4 1 (a standard deviation of 1 pixel)."""
    height, width = grey.shape
    padded = np.pad(grey, [(2, 2), (0, 0)], mode="edge")
    grey = _binomial([padded[start : start + height] for start in range(5)])
    padded = np.pad(grey, [(0, 0), (2, 2)], mode="edge")
    return _binomial([padded[:, start : start + width] for start in range(5)])


def _binomial(parts: list[Grey]) -> Grey:
    """Return the sum of five pictures, weighted 1 4 6 4 1."""
    return np.asarray((parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / 16, dtype=np.float32)


def _find_at_level(picture: Image.Image, side: int, count: int) -> Features:
    """Return the `count` strongest corners of a picture whose longer side is scaled to `side`."""
    ratio = side / max(picture.size)
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    if min(size) <= 2 * _MARGIN:
        return Features(np.empty((0, 2), dtype=np.float32), np.empty((0, 64), dtype=np.float32))
    level = smooth(np.asarray(picture.resize(size, Image.Resampling.BILINEAR), dtype=np.float32))
    down, across = _corners(level, count)
    patches = level[
        down[:, None, None] + _OFFSETS[None, :, None], across[:, None, None] + _OFFSETS[None, None, :]
    ].reshape(len(down), 64)
    patches = patches - patches.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(patches, axis=1)
    is_clear = lengths > _MIN_DEVIATION * 8  # 64 numbers with a standard deviation of d have length 8 d
    points = np.stack([(across + 0.5) / size[0] * picture.width, (down + 0.5) / size[1] * picture.height], axis=1)
    points = (points / max(picture.size)).astype(np.float32)
    return Features(points[is_clear], patches[is_clear] / lengths[is_clear, None])


def _corners(level: Grey, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the strongest corners, by the harmonic mean of the structure tensor's eigenvalues."""
    down, across = (np.asarray(slope) for slope in np.gradient(level))
    xx, yy, xy = smooth(across * across), smooth(down * down), smooth(across * down)
    strength = (xx * yy - xy * xy) / (xx + yy + 1e-3)
    inner = strength[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    height, width = inner.shape
    is_highest = np.ones(inner.shape, dtype=bool)
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            if row or column:
                top, left = _MARGIN + row, _MARGIN + column
                is_highest &= inner >= strength[top : top + height, left : left + width]
    positions = np.flatnonzero(is_highest & (inner > 1e-2))
    best = positions[np.argsort(-inner.ravel()[positions], kind="stable")[:count]]
    return best // width + _MARGIN, best % width + _MARGIN
