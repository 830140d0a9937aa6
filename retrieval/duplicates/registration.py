"""Two grey pictures laid over each other: where the one lies in the other, to a fraction of a pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Vectors
from retrieval.duplicates.features import Features, Grey

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of a picture's longer side."""

_ALIKE = 0.8
"""Cosine of two patches from which on they may show the same corner."""

_MATCHES = 60
"""Matches that are looked at, the most alike: all pairs of them are tried."""

_SCALES = (0.35, 2.9)
"""How much larger or smaller one picture may show the same than the other, longer sides being equal."""

_TOLERANCE = 0.015
"""How far from its place a corner may lie, as a share of the longer side: half a pixel of the smallest level."""


class Placement(NamedTuple):
    """Where picture B lies in picture A: a point (x, y) of B is at (left + x * across, top + y * down) in A.

    Units are shares of the longer side of each picture.
    """

    left: float
    top: float
    across: float
    down: float


class Overlap(NamedTuple):
    """The part that two pictures share, sampled at the same points.

    Attributes:
        one: Of picture A, shape (h, w).
        other: Of picture B, shape (h, w).
        shares: How much of A and how much of B it is, 0 to 1.
    """

    one: Grey
    other: Grey
    shares: tuple[float, float]


def consensus(one: Features, other: Features) -> tuple[Placement | None, int]:
    """Return where most corners of B agree that it lies in A, and how many do; None where fewer than three agree."""
    if len(one.points) < 3 or len(other.points) < 3:
        return None, 0
    alike = other.patches @ one.patches.T  # (nb, na)
    partner = alike.argmax(axis=1)
    value = alike[np.arange(len(partner)), partner]
    mutual = np.flatnonzero((alike.argmax(axis=0)[partner] == np.arange(len(partner))) & (value > _ALIKE))
    if len(mutual) < 3:
        return None, 0
    kept = mutual[np.argsort(-value[mutual], kind="stable")[:_MATCHES]]
    return _vote(one.points[partner[kept]], other.points[kept])


def _vote(a: Vectors, b: Vectors) -> tuple[Placement | None, int]:
    """Return the placement that puts most of the points b (m, 2) on their a (m, 2), and how many."""
    i, j = np.triu_indices(len(a), 1)
    between_a, between_b = a[j] - a[i], b[j] - b[i]  # (p, 2)
    length_b = np.linalg.norm(between_b, axis=1)
    scale = (between_a * between_b).sum(axis=1) / np.maximum(length_b**2, 1e-9)
    off = np.linalg.norm(between_a - scale[:, None] * between_b, axis=1)
    good = (length_b > 0.05) & (scale > _SCALES[0]) & (scale < _SCALES[1]) & (off < _TOLERANCE)
    if not good.any():
        return None, 0
    scale, first = scale[good], i[good]
    moved = a[first] - scale[:, None] * b[first]  # (p, 2)
    away = np.abs(a[None] - scale[:, None, None] * b[None] - moved[:, None]).max(axis=2)  # (p, m)
    votes = (away < _TOLERANCE).sum(axis=1)
    best = int(votes.argmax())
    inside = away[best] < _TOLERANCE
    count = len(np.unique((b[inside] / _TOLERANCE).round(), axis=0))  # one corner at several sizes is one
    if count < 3:
        return None, 0
    mean_a, mean_b = a[inside].mean(axis=0), b[inside].mean(axis=0)
    free = b[inside] - mean_b
    fitted = float(((a[inside] - mean_a) * free).sum() / max(float((free**2).sum()), 1e-9))
    left, top = (mean_a - fitted * mean_b).tolist()
    return Placement(left, top, fitted, fitted), count


def overlap(one: Image.Image, other: Image.Image, place: Placement, side: int) -> Overlap | None:
    """Return what two pictures share, its longer side `side` pixels at most; None where that is next to nothing.

    Args:
        one: Picture A, grey, mode F.
        other: Picture B, as it lies in A, grey, mode F.
        place: Where B lies in A.
        side: Pixels of the longer side of what is returned.
    """
    box = _common(one, other, place)
    if box is None:
        return None
    width, height = box[2] - box[0], box[3] - box[1]
    ratio = side / max(width, height)
    size = (max(12, round(width * ratio)), max(12, round(height * ratio)))
    within = (
        (box[0] - place.left) / place.across,
        (box[1] - place.top) / place.down,
        (box[2] - place.left) / place.across,
        (box[3] - place.top) / place.down,
    )
    shares = tuple(
        (part[2] - part[0]) * (part[3] - part[1]) * max(picture.size) ** 2 / (picture.width * picture.height)
        for part, picture in ((box, one), (within, other))
    )
    return Overlap(_cut(one, box, size), _cut(other, within, size), (min(shares[0], 1.0), min(shares[1], 1.0)))


def refined(one: Image.Image, other: Image.Image, place: Placement, *, side: int, steps: int) -> Placement:
    """Return the placement at which the two pictures differ least, near the one given.

    Gauss-Newton over shift, the two scales, gain and offset (Lucas and Kanade 1981; Baker and Matthews 2004), in
    which what differs most counts least, so that a caption does not pull at the rest.

    Args:
        one: Picture A, grey, mode F.
        other: Picture B, as it lies in A, grey, mode F.
        place: Where B lies in A, to a few pixels.
        side: Pixels of the longer side of the common part on which this is done.
        steps: At most; it ends when nothing moves by a fiftieth of a pixel.
    """
    for _ in range(steps):
        shared, box = overlap(one, other, place, side), _common(one, other, place)
        step = None if shared is None else _step(shared)
        if box is None or shared is None or step is None:
            return place
        place = _moved(place, box, step, shared.one.shape)
        if float(np.abs(step).max()) < 0.02:
            break
    return place


def _step(shared: Overlap) -> NDArray[np.float64] | None:
    """Return how B lies off A, in pixels: across, by how much more at the right than at the left, down, and so on.

    None where the one tells nothing of the other.
    """
    height, width = shared.one.shape
    down, across = np.gradient(shared.other)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5
    columns = (shared.other, np.ones_like(x), across, across * x, down, down * y)
    matrix = np.stack([column.ravel() for column in columns], axis=1)  # (h * w, 6)
    target = shared.one.ravel()
    weight = np.ones_like(target)
    solution = np.zeros(6)
    for _ in range(2):
        scaled = matrix * weight[:, None]
        normal = scaled.T @ matrix + np.diag([1e-3, 1e-3, 1, 1, 1, 1])
        solution = np.linalg.solve(normal, scaled.T @ target)
        left = np.abs(target - matrix @ solution.astype(np.float32))
        weight = 1 / (1 + (left / max(1.5 * float(np.median(left)), 1.0)) ** 2)
    gain = float(solution[0])
    if abs(gain) < 0.05:
        return None
    step: NDArray[np.float64] = np.clip(solution[2:] / gain, -4, 4)  # a larger one leaves what the gradient tells
    return step


def _moved(place: Placement, box: Box, step: NDArray[np.float64], shape: tuple[int, ...]) -> Placement:
    """Return a placement after a step that was found on the common part `box`, sampled at `shape`.

    A(p) = gain * B(p + step) + offset: what is seen at p in A lies at p + step in B as it is placed.
    """
    by_x, wide, by_y, high = step.tolist()
    across, down = place.across / (1 + wide / shape[1]), place.down / (1 + high / shape[0])
    middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left = middle_x - (middle_x - place.left) * across / place.across - by_x * (box[2] - box[0]) / shape[1]
    top = middle_y - (middle_y - place.top) * down / place.down - by_y * (box[3] - box[1]) / shape[0]
    return Placement(left, top, across, down)


def _common(one: Image.Image, other: Image.Image, place: Placement) -> Box | None:
    """Return the box that both pictures fill, in A's units; None where a side is under a tenth of A's longer one."""
    width, height = other.width / max(other.size), other.height / max(other.size)
    left, top = max(0.0, place.left), max(0.0, place.top)
    right = min(one.width / max(one.size), place.left + width * place.across)
    bottom = min(one.height / max(one.size), place.top + height * place.down)
    return (left, top, right, bottom) if min(right - left, bottom - top) >= 0.1 else None


def _cut(picture: Image.Image, box: Box, size: tuple[int, int]) -> Grey:
    """Return a part of a picture at a size; the box is in shares of the longer side."""
    unit = max(picture.size)
    limits = (picture.width, picture.height, picture.width, picture.height)
    left, top, right, bottom = (min(max(value * unit, 0.0), limit) for value, limit in zip(box, limits, strict=True))
    part = picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(part, dtype=np.float32)
