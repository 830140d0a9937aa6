"""Whether two scans or screenshots on a plain ground hold the same text.

Documents that share a form agree in nearly all of their pixels, and what tells them apart (a name, a number, a sum) is
smaller than a pixel of a sketch. So they are compared at a size at which their text can be read, and no place may
differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from indexer.types import Vectors
from retrieval.duplicates.features import Grey, reorient, smooth
from retrieval.duplicates.registration import Placement, common_shares, cut_overlap, refine
from retrieval.duplicates.structure import normalize

READABLE_SIDE = 1280
"""Longer side in pixels at which documents are compared: on a page of A4, letters of 8 points are 12 pixels high."""

_MIN_PLAIN = 0.6
"""Share of a document that is plain ground, at least, once thin strokes are removed. Measured: .97 to 1 for invoices,
certificates, receipts and contracts; 93 % of photos have less."""

_GROUND_RANGE = 12
"""Grey levels by which plain ground is lighter or darker than its most frequent level."""

_STROKE = 3
"""Side in pixels of the square by which strokes are removed from a sketch."""

_MIN_AGREEMENT = 0.85
"""Agreement below which a place shows something else. Measured at the place that agrees least: .93 and more for copies
of documents (JPEG of quality 30, half as wide, cropped, other contrast), .78 and less for one other digit of 11 pixels
or more."""

_MIN_SKETCH_AGREEMENT = 0.6
"""The same for a sketch, whose placement is not as exact: only other words or lines are less alike."""

_WINDOW_RADIUS = 2
"""A place is a square of this many pixels to each side of its centre."""

_NOISE = 20.0
"""Grey levels of noise in a place, if the common part has a standard deviation of 50."""

_MAX_PLACES = 8
"""Number of places that may differ by chance, for instance at a speck of dust."""

_REFINED_SIDES = (384, 768)
"""Longer sides at which a placement is refined in turn, until the documents are aligned."""

_STEPS = 6
"""Number of steps of a refinement, at most."""

_MISPLACED = 0.2
"""Share of the places with content that differ, from which two documents are not aligned rather than different."""

_MIN_REDUCED_SIDE = 500
"""Longer side of the common part, at least, if one of the two was reduced: digits of a smaller page are unreadable."""

_REDUCED = 1.25
"""Ratio of the pixels per side above which one of two documents was reduced."""


def plain_share(grey: NDArray[np.uint8]) -> float:
    """Return the share of a picture, shape (h, w), that is plain ground once thin strokes are removed, 0 to 1."""
    picture = Image.fromarray(grey)
    filters = ImageFilter.MaxFilter(_STROKE), ImageFilter.MinFilter(_STROKE)  # dark strokes, light strokes
    return max(_ground_share(np.asarray(picture.filter(stroke_filter))) for stroke_filter in filters)


def is_document(share: float) -> bool:
    """Return whether a picture with this share of plain ground may be a document."""
    return share >= _MIN_PLAIN


def may_be_same_text(one: NDArray[np.uint8], other: NDArray[np.uint8], orientation: int, placement: Placement) -> bool:
    """Return whether two documents agree everywhere as far as their sketches show; arguments as for `is_same_text`."""
    a, b = _as_picture(one), _as_picture(reorient(other, orientation))
    refined = refine(a, b, placement, side=max(a.size), steps=_STEPS)
    return any(_changed_share(a, b, tried, _MIN_SKETCH_AGREEMENT) == 0 for tried in (placement, refined))


def is_same_text(one: NDArray[np.uint8], other: NDArray[np.uint8], orientation: int, placement: Placement) -> bool:
    """Return whether two documents agree everywhere in their common part.

    If one of them was reduced so far that its text cannot be read, they do not: nobody can tell.

    Args:
        one: The first, grey, shape (h, w).
        other: The second, grey, of any size.
        orientation: Orientation in which the second matches the first, see `features.ORIENTATIONS`.
        placement: Position of the second, so oriented, in the first, to a few pixels of a sketch.
    """
    a, b = _as_picture(one), _as_picture(reorient(other, orientation))
    if _is_readable(a, b, placement) and _changed_share(a, b, placement) == 0:
        return True
    for side in _REFINED_SIDES:
        placement = refine(a, b, placement, side=side, steps=_STEPS)
        if not _is_readable(a, b, placement):
            return False
        changed = _changed_share(a, b, placement)
        if changed < _MISPLACED:
            return changed == 0
    return False


def _as_picture(grey: NDArray[np.uint8]) -> Image.Image:
    """Return a grey picture in mode F."""
    return Image.fromarray(grey.astype(np.float32))


def _ground_share(grey: NDArray[np.uint8]) -> float:
    """Return the share of pixels within `_GROUND_RANGE` of the level around which most pixels are."""
    count = np.bincount(grey.ravel(), minlength=256)
    return float(np.convolve(count, np.ones(2 * _GROUND_RANGE + 1)).max() / grey.size)


def _sides(one: Image.Image, other: Image.Image, placement: Placement) -> list[float]:
    """Return the longer side of the common part in the pixels of each picture; nothing if it is too small."""
    shares = common_shares(one, other, placement) or ()
    return [share**0.5 * max(picture.size) for share, picture in zip(shares, (one, other), strict=False)]


def _is_readable(one: Image.Image, other: Image.Image, placement: Placement) -> bool:
    """Return whether the common part is large enough to tell a reduced document from another."""
    sides = _sides(one, other, placement)
    return bool(sides) and (min(sides) >= _MIN_REDUCED_SIDE or max(sides) <= _REDUCED * min(sides))


def _changed_share(
    one: Image.Image, other: Image.Image, placement: Placement, min_agreement: float = _MIN_AGREEMENT
) -> float:
    """Return the share of the places with content at which two pictures differ; 0 for a few places, 1 without any."""
    sides = _sides(one, other, placement)
    overlap = cut_overlap(one, other, placement, int(min(sides))) if sides else None
    if overlap is None:
        return 1.0
    edge = 3 + max(overlap.one.shape) // 100  # a border that one of them has, and the precision of a placement
    inner = slice(edge, -edge)
    agreement, contrast = _compare_places(overlap.one[inner, inner], overlap.other[inner, inner])
    count = int(np.count_nonzero(agreement < min_agreement))
    return 0.0 if count <= _MAX_PLACES else count / max(int(np.count_nonzero(contrast > _NOISE)), 1)


def _compare_places(one: Grey, other: Grey) -> tuple[Vectors, Vectors]:
    """Return how two pictures agree at the place around each pixel, and the contrast there, shape (h, w) each.

    The agreement is the structure term of SSIM (Wang et al. 2004, formula 10), the contrast a standard deviation.
    """
    one, other = normalize(smooth(one)), normalize(smooth(other))
    mean, other_mean = _window_mean(one), _window_mean(other)
    variance = np.maximum(_window_mean(one * one) - mean * mean, 0)
    other_variance = np.maximum(_window_mean(other * other) - other_mean * other_mean, 0)
    covariance = _window_mean(one * other) - mean * other_mean
    noise = _NOISE**2
    agreement = (covariance + noise) / np.sqrt((variance + noise) * (other_variance + noise))
    contrast = np.sqrt(np.maximum(variance, other_variance))
    return agreement.astype(np.float32), contrast.astype(np.float32)


def _window_mean(grey: Grey) -> Grey:
    """Return the mean of the square around each pixel; at the edge, of a picture whose edge is repeated."""
    width = 2 * _WINDOW_RADIUS + 1
    padded = np.pad(grey, _WINDOW_RADIUS, mode="edge")
    height, across = grey.shape
    rows = sum((padded[start : start + height] for start in range(1, width)), padded[:height])
    total = sum((rows[:, start : start + across] for start in range(1, width)), rows[:, :across])
    return np.asarray(total / width**2, dtype=np.float32)
