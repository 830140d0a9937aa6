"""Aligns two grey pictures: finds where one is inside the other, to a fraction of a pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Vectors
from retrieval.duplicates.features import Features, Grey

_Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of a picture's longer side."""

_MIN_COSINE = 0.8
"""Two patches with a higher cosine may show the same corner."""

_MAX_MATCHES = 60
"""Number of matches that are used, the most similar ones: all pairs of them are tried."""

_SCALES = (0.35, 2.9)
"""Range of the scale of one picture relative to the other, if their longer sides are equal."""

_TOLERANCE = 0.015
"""Distance of a corner from its expected position, at most, as a share of the longer side: half a pixel of the smallest
level."""


class Placement(NamedTuple):
    """Position of picture B in picture A: the point (x, y) of B is at (left + x * across, top + y * down) in A.

    Units are shares of the longer side of each picture.
    """

    left: float
    top: float
    across: float
    down: float


class Overlap(NamedTuple):
    """The common part of two pictures, sampled at the same points.

    Attributes:
        one: The part of picture A, shape (h, w).
        other: The part of picture B, shape (h, w).
        shares: Share of A and of B that the part is, 0 to 1.
    """

    one: Grey
    other: Grey
    shares: tuple[float, float]


def find_placement(one: Features, other: Features) -> tuple[Placement | None, int]:
    """Return the placement of B in A on which most corners agree, and their number; None if fewer than three agree."""
    if len(one.points) < 3 or len(other.points) < 3:
        return None, 0
    cosines = other.patches @ one.patches.T  # (nb, na)
    partner = cosines.argmax(axis=1)
    value = cosines[np.arange(len(partner)), partner]
    is_mutual = cosines.argmax(axis=0)[partner] == np.arange(len(partner))
    matches = np.flatnonzero(is_mutual & (value > _MIN_COSINE))
    if len(matches) < 3:
        return None, 0
    best = matches[np.argsort(-value[matches], kind="stable")[:_MAX_MATCHES]]
    return _vote(one.points[partner[best]], other.points[best])


def _vote(a: Vectors, b: Vectors) -> tuple[Placement | None, int]:
    """Return the placement that maps most of the points b (m, 2) to their points a (m, 2), and their number."""
    i, j = np.triu_indices(len(a), 1)
    between_a, between_b = a[j] - a[i], b[j] - b[i]  # (p, 2)
    length_b = np.linalg.norm(between_b, axis=1)
    scale = (between_a * between_b).sum(axis=1) / np.maximum(length_b**2, 1e-9)
    error = np.linalg.norm(between_a - scale[:, None] * between_b, axis=1)
    is_valid = (length_b > 0.05) & (scale > _SCALES[0]) & (scale < _SCALES[1]) & (error < _TOLERANCE)
    if not is_valid.any():
        return None, 0
    scale, first = scale[is_valid], i[is_valid]
    shift = a[first] - scale[:, None] * b[first]  # (p, 2)
    distance = np.abs(a[None] - scale[:, None, None] * b[None] - shift[:, None]).max(axis=2)  # (p, m)
    votes = (distance < _TOLERANCE).sum(axis=1)
    best = int(votes.argmax())
    agrees = distance[best] < _TOLERANCE
    count = len(np.unique((b[agrees] / _TOLERANCE).round(), axis=0))  # one corner at several sizes counts once
    if count < 3:
        return None, 0
    mean_a, mean_b = a[agrees].mean(axis=0), b[agrees].mean(axis=0)
    centred_b = b[agrees] - mean_b
    fitted = float(((a[agrees] - mean_a) * centred_b).sum() / max(float((centred_b**2).sum()), 1e-9))
    left, top = (mean_a - fitted * mean_b).tolist()
    return Placement(left, top, fitted, fitted), count


def cut_overlap(one: Image.Image, other: Image.Image, placement: Placement, side: int) -> Overlap | None:
    """Return the common part of two pictures; None if it is too small.

    Args:
        one: Picture A, grey, mode F.
        other: Picture B, reoriented as it is in A, grey, mode F.
        placement: Position of B in A.
        side: Pixels of the longer side of the part.
    """
    box = _common_box(one, other, placement)
    if box is None:
        return None
    width, height = box[2] - box[0], box[3] - box[1]
    ratio = side / max(width, height)
    size = (max(12, round(width * ratio)), max(12, round(height * ratio)))
    box_in_other = _box_in_other(box, placement)
    parts = _cut(one, box, size), _cut(other, box_in_other, size)
    return Overlap(*parts, _shares(one, other, box, box_in_other))


def common_shares(one: Image.Image, other: Image.Image, placement: Placement) -> tuple[float, float] | None:
    """Return the share of each picture that is common to both, 0 to 1; None if it is too small."""
    box = _common_box(one, other, placement)
    return None if box is None else _shares(one, other, box, _box_in_other(box, placement))


def refine(one: Image.Image, other: Image.Image, placement: Placement, *, side: int, steps: int) -> Placement:
    """Return the placement near the given one at which the two pictures differ least.

    Gauss-Newton over shift, two scales, gain and offset (Lucas and Kanade 1981; Baker and Matthews 2004). Pixels that
    differ most count least, so that a caption does not affect the alignment.

    Args:
        one: Picture A, grey, mode F.
        other: Picture B, reoriented as it is in A, grey, mode F.
        placement: Position of B in A, to a few pixels.
        side: Pixels of the longer side of the common part on which this is computed.
        steps: Number of steps, at most; it ends when nothing moves by a fiftieth of a pixel.
    """
    for _ in range(steps):
        overlap, box = cut_overlap(one, other, placement, side), _common_box(one, other, placement)
        step = None if overlap is None else _gauss_newton_step(overlap)
        if box is None or overlap is None or step is None:
            return placement
        placement = _apply_step(placement, box, step, overlap.one.shape)
        if float(np.abs(step).max()) < 0.02:
            break
    return placement


def _gauss_newton_step(overlap: Overlap) -> NDArray[np.float64] | None:
    """Return by how many pixels B must move: across, the difference of this between right and left, and both downwards.

    It is None if the pictures have too little in common.
    """
    height, width = overlap.one.shape
    down, across = np.gradient(overlap.other)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5
    columns = (overlap.other, np.ones_like(x), across, across * x, down, down * y)
    matrix = np.stack([column.ravel() for column in columns], axis=1)  # (h * w, 6)
    target = overlap.one.ravel()
    weight = np.ones_like(target)
    solution = np.zeros(6)
    for _ in range(2):
        weighted = matrix * weight[:, None]
        normal = weighted.T @ matrix + np.diag([1e-3, 1e-3, 1, 1, 1, 1])
        solution = np.linalg.solve(normal, weighted.T @ target)
        residual = np.abs(target - matrix @ solution.astype(np.float32))
        weight = 1 / (1 + (residual / max(1.5 * float(np.median(residual)), 1.0)) ** 2)
    gain = float(solution[0])
    if abs(gain) < 0.05:
        return None
    step: NDArray[np.float64] = np.clip(solution[2:] / gain, -4, 4)  # the gradient is valid for small steps only
    return step


def _apply_step(placement: Placement, box: _Box, step: NDArray[np.float64], shape: tuple[int, ...]) -> Placement:
    """Return a placement after a step that was computed on the common part `box`, sampled at `shape`.

    A(p) = gain * B(p + step) + offset: what is at p in A is at p + step in B as it is placed.
    """
    by_x, wide, by_y, high = step.tolist()
    across, down = placement.across / (1 + wide / shape[1]), placement.down / (1 + high / shape[0])
    middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left = middle_x - (middle_x - placement.left) * across / placement.across - by_x * (box[2] - box[0]) / shape[1]
    top = middle_y - (middle_y - placement.top) * down / placement.down - by_y * (box[3] - box[1]) / shape[0]
    return Placement(left, top, across, down)


def _common_box(one: Image.Image, other: Image.Image, placement: Placement) -> _Box | None:
    """Return the box that both pictures fill, in A's units; None if a side is below a tenth of A's longer side."""
    width, height = other.width / max(other.size), other.height / max(other.size)
    left, top = max(0.0, placement.left), max(0.0, placement.top)
    right = min(one.width / max(one.size), placement.left + width * placement.across)
    bottom = min(one.height / max(one.size), placement.top + height * placement.down)
    return (left, top, right, bottom) if min(right - left, bottom - top) >= 0.1 else None


def _box_in_other(box: _Box, placement: Placement) -> _Box:
    """Return a box of A in B's units."""
    return (
        (box[0] - placement.left) / placement.across,
        (box[1] - placement.top) / placement.down,
        (box[2] - placement.left) / placement.across,
        (box[3] - placement.top) / placement.down,
    )


def _shares(one: Image.Image, other: Image.Image, box: _Box, box_in_other: _Box) -> tuple[float, float]:
    """Return the share of each picture that its box is, 0 to 1."""
    share, other_share = (
        (part[2] - part[0]) * (part[3] - part[1]) * max(picture.size) ** 2 / (picture.width * picture.height)
        for part, picture in ((box, one), (box_in_other, other))
    )
    return min(share, 1.0), min(other_share, 1.0)


def _cut(picture: Image.Image, box: _Box, size: tuple[int, int]) -> Grey:
    """Return a part of a picture, given in shares of its longer side, scaled to a size."""
    unit = max(picture.size)
    limits = (picture.width, picture.height, picture.width, picture.height)
    left, top, right, bottom = (min(max(value * unit, 0.0), limit) for value, limit in zip(box, limits, strict=True))
    part = picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(part, dtype=np.float32)
