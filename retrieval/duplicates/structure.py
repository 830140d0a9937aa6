"""Structural similarity of the common part of two pictures, block by block."""

from __future__ import annotations

import numpy as np

from indexer.types import Vectors
from retrieval.duplicates.features import Grey, smooth
from retrieval.duplicates.registration import Overlap

_BLOCK_SIDE = 8
"""Side of the blocks in which two overlaps, of about 100 x 75 pixels, are compared."""

NOISE = 6.0
"""Grey levels that a re-encode may change, if the whole overlap has a standard deviation of 50."""

_MAX_WEIGHT = 400.0
"""Variance of a block above which more contrast gives it no more weight."""

_MIN_DEVIATION = 4.0
"""Standard deviation in grey levels of a whole overlap, below which its contrast is not normalized further."""

_EDGE = 2
"""Number of pixels that are left out around an overlap."""


def weighted_agreement(structure: Vectors, weight: Vectors) -> tuple[float, float]:
    """Return the weighted mean and the weighted median of the blocks' structure."""
    total = float(weight.sum())
    if total < 1e-6:
        return 0.0, 0.0  # neither picture has any content
    order = np.argsort(structure, kind="stable")
    half = np.searchsorted(np.cumsum(weight[order]), total / 2)
    median = structure[order[min(int(half), len(order) - 1)]]
    return float((structure * weight).sum() / total), float(median)


def block_structure(overlap: Overlap) -> tuple[Vectors, Vectors, Vectors]:
    """Return how two overlaps agree, block by block.

    Returns:
        The structure term of SSIM (Wang et al. 2004, formula 10), shape (n,): the correlation of the two blocks, near
            1 if neither has more contrast than noise.
        The weight of each block, shape (n,): its contrast, up to a limit.
        By how much the second is lighter, shape (n, _BLOCK_SIDE * _BLOCK_SIDE), in the grey levels of `NOISE`.
    """
    inner = slice(_EDGE, -_EDGE)  # the outermost pixels are mixed with pixels outside the overlap
    one, other = (_split_blocks(normalize(smooth(part)[inner, inner])) for part in (overlap.one, overlap.other))
    change = other - one
    change -= np.median(change)
    one, other = (blocks - blocks.mean(axis=1, keepdims=True) for blocks in (one, other))
    variance, other_variance, covariance = ((a * b).mean(axis=1) for a, b in ((one, one), (other, other), (one, other)))
    noise = NOISE**2
    structure = (covariance + noise) / np.sqrt((variance + noise) * (other_variance + noise))
    return structure, np.minimum(np.maximum(variance, other_variance), _MAX_WEIGHT), change


def normalize(grey: Grey) -> Grey:
    """Return a picture with mean 0 and standard deviation 50, so that brightness and contrast do not count."""
    return np.asarray((grey - grey.mean()) * (50 / max(float(grey.std()), _MIN_DEVIATION)), dtype=np.float32)


def _split_blocks(grey: Grey) -> Vectors:
    """Return the whole blocks of a picture, shape (n, _BLOCK_SIDE * _BLOCK_SIDE)."""
    rows, columns = (max(1, side // _BLOCK_SIDE) for side in grey.shape)
    height, width = (side // count for side, count in zip(grey.shape, (rows, columns), strict=True))
    blocks = grey[: rows * height, : columns * width].reshape(rows, height, columns, width)
    return blocks.swapaxes(1, 2).reshape(rows * columns, height * width)
