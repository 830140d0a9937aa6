"""Whether two photos show the same picture, similar pictures, or different ones, by their pixels alone.

    a, b = sketch(grey), sketch(other_grey)     # once per photo: 5 ms
    compare(a, b).verdict                       # Verdict.SAME, Verdict.ALIKE or Verdict.DIFFERENT

The second picture is aligned with the first, as a whole or as a part, rotated and mirrored if necessary. Then copies
agree everywhere except where text or a label covers them; two shots of one scene agree only in places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Vectors
from retrieval.duplicates.documents import plain_share
from retrieval.duplicates.features import (
    ORIENTATIONS,
    Features,
    find_features,
    reorient,
    reorient_features,
)
from retrieval.duplicates.registration import Overlap, Placement, cut_overlap, find_placement, refine
from retrieval.duplicates.structure import block_structure, weighted_agreement

SIDE = 192
"""Longer side of a sketch in pixels, at most."""

_THUMB_SIDE = 16
"""Side of the square to which whole pictures are scaled for a first check."""

_MIN_CORRELATION = 0.5
"""Correlation of two such squares above which one picture may be the whole of the other."""

_MIN_VOTES = 5
"""Number of corners that must agree on a placement; three agree by chance in most pairs."""

_MAX_DETAIL = 128
"""Longer side of the overlap in pixels, at most: a re-encode changes finer detail."""

_CHANGED = 0.6
"""A block with a lower structure term has different content."""

_LARGE_CHANGE = 8.0
"""A pixel that differs by more grey levels, as of `structure.NOISE`, has changed and not only been re-encoded."""

_MAX_BORDER_RANGE = 12
"""Grey levels between the darkest and the lightest pixel of a row that belongs to a border, at most."""


class Verdict(StrEnum):
    """How two photos are related."""

    SAME = "same"  # one picture: a copy, perhaps scaled, cropped, rotated, with changed tones or an overlay
    ALIKE = "alike"  # one scene or one style: a different time or framing
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the verdicts. tests/bench/test_duplicates.py chooses `agreement` on one half of its photos.

    Attributes:
        agreement: Agreement of all blocks for SAME, at least.
        untouched: Share of blocks that may have changed then.
        typical: Agreement of the median block for SAME with an overlay, at least.
        overlay: Share of the change with one sign then, at least; see `PixelComparison.overlay`.
        covered: Share of blocks that may have changed then.
        inside: Share of one picture that must be inside the other.
        share: Share of the other picture that this must be, at least.
        alike: Agreement of all blocks for ALIKE, at least.
    """

    agreement: float = 0.99
    untouched: float = 0.005
    typical: float = 0.995
    overlay: float = 0.98
    covered: float = 0.25
    inside: float = 0.9
    share: float = 0.25
    alike: float = 0.6


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is compared of a photo.

    Attributes:
        grey: Shape (h, w), uint8, with a longer side of at most `SIDE`.
        features: Its corners.
        thumb: The whole picture scaled to a small square, with mean 0 and unit length.
        content_share: Share of the picture that is not a plain border, 0 to 1.
        plain_share: Share of the picture that is plain ground, 0 to 1; see `documents.plain_share`.
    """

    grey: NDArray[np.uint8]
    features: Features
    thumb: Vectors
    content_share: float
    plain_share: float


@dataclass(frozen=True, slots=True)
class PixelComparison:
    """Comparison of two photos, in the best of the placements that were tried.

    Attributes:
        verdict: The result.
        orientation: Orientation of the second photo in which it matches the first, see `features.ORIENTATIONS`.
        shares: Share of the first and of the second photo that is common to both, 0 to 1; 0 without a placement.
        agreement: Mean structural similarity of the blocks, -1 to 1, weighted by contrast.
        typical: Structural similarity of the median block.
        changed: Share of the blocks, weighted, that do not agree.
        overlay: Share of the change with one sign, 0 to 1: light text only lightens, while an object that moves
            lightens one place and darkens another.
        placement: Position of the second photo, so oriented, in the first; None without one.
    """

    verdict: Verdict
    orientation: int = 0
    shares: tuple[float, float] = (0.0, 0.0)
    agreement: float = 0.0
    typical: float = 0.0
    changed: float = 1.0
    overlay: float = 0.0
    placement: Placement | None = None


def sketch(grey: NDArray[np.uint8]) -> Sketch:
    """Return the sketch of a grey picture, shape (h, w), uint8, of any size."""
    picture = Image.fromarray(grey)
    if max(picture.size) > SIDE:
        ratio = SIDE / max(picture.size)
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    square = picture.convert("F").resize((_THUMB_SIDE, _THUMB_SIDE), Image.Resampling.BILINEAR)
    thumb = np.asarray(square, dtype=np.float32)
    thumb = thumb - thumb.mean()
    thumb = thumb / max(float(np.linalg.norm(thumb)), 1.0)
    pixels = np.asarray(picture)
    return Sketch(pixels, find_features(pixels.astype(np.float32)), thumb, _content_share(pixels), plain_share(pixels))


def _content_share(pixels: NDArray[np.uint8]) -> float:
    """Return the share of a picture that is left after plain rows are cut off, equally many at opposite sides.

    On one side alone they may be a sky.
    """
    share = 1.0
    for axis in (0, 1):
        content = np.flatnonzero(np.ptp(pixels, axis=1 - axis) > _MAX_BORDER_RANGE)
        side = pixels.shape[axis]
        share *= 1 - 2 * min(int(content[0]), side - 1 - int(content[-1])) / side if content.size else 0.0
    return share


DEFAULT = Thresholds()
"""The limits that Recall uses."""


def compare_sketches(one: Sketch, other: Sketch, thresholds: Thresholds = DEFAULT) -> PixelComparison:
    """Return how two photos are related.

    Args:
        one: The first photo.
        other: The second photo; the numbers are slightly different if the photos are exchanged.
        thresholds: Limits of the verdicts.
    """
    best = PixelComparison(Verdict.DIFFERENT)
    picture = Image.fromarray(one.grey.astype(np.float32))
    for orientation in range(ORIENTATIONS):
        reoriented = Image.fromarray(reorient(other.grey.astype(np.float32), orientation))
        for placement in _placements(one, other, orientation):
            comparison = _compare_at(picture, reoriented, placement, orientation, thresholds)
            if comparison is not None and _rank(comparison) > _rank(best):
                best = comparison
        if best.verdict is Verdict.SAME:
            break
    return best


def _rank(comparison: PixelComparison) -> tuple[bool, float]:
    """Return a sort key for comparisons, the best highest."""
    return comparison.verdict is Verdict.SAME, comparison.agreement


def _placements(one: Sketch, other: Sketch, orientation: int) -> Iterator[Placement]:
    """Yield possible placements of the second picture in the first: as a whole, and where corners agree."""
    if float((reorient(other.thumb, orientation) * one.thumb).sum()) > _MIN_CORRELATION:
        height, width = reorient(other.grey, orientation).shape
        whole = [side / max(one.grey.shape) for side in one.grey.shape]
        yield Placement(0.0, 0.0, whole[1] * max(height, width) / width, whole[0] * max(height, width) / height)
    features = reorient_features(other.features, orientation, other.grey.shape)
    placement, votes = find_placement(one.features, features)
    if placement is not None and votes >= _MIN_VOTES:
        yield placement


def _compare_at(
    one: Image.Image, other: Image.Image, placement: Placement, orientation: int, thresholds: Thresholds
) -> PixelComparison | None:
    """Return the comparison of two pictures after a placement is refined; None if they have too little in common."""
    placement = refine(one, other, placement, side=48, steps=4)
    overlap = cut_overlap(one, other, placement, 64)
    if overlap is None or weighted_agreement(*block_structure(overlap)[:2])[0] < 0.3:
        return None
    placement = refine(one, other, placement, side=112, steps=6)
    side = min(share**0.5 * max(picture.size) for share, picture in zip(overlap.shares, (one, other), strict=True))
    overlap = cut_overlap(one, other, placement, int(min(_MAX_DETAIL, max(32, side))))  # not larger than either picture
    return None if overlap is None else replace(_compare_overlap(overlap, orientation, thresholds), placement=placement)


def _compare_overlap(overlap: Overlap, orientation: int, thresholds: Thresholds) -> PixelComparison:
    """Return the comparison of two pictures by their common part."""
    structure, weight, change = block_structure(overlap)
    agreement, typical = weighted_agreement(structure, weight)
    is_changed = structure < _CHANGED
    changed = float(weight[is_changed].sum() / max(float(weight.sum()), 1e-6))
    large = change[is_changed][np.abs(change[is_changed]) > _LARGE_CHANGE]
    one_sign = float(abs(large.sum()) / np.abs(large).sum()) if large.size else 1.0
    comparison = PixelComparison(Verdict.DIFFERENT, orientation, overlap.shares, agreement, typical, changed, one_sign)
    return replace(comparison, verdict=decide(comparison, thresholds))


def decide(comparison: PixelComparison, thresholds: Thresholds) -> Verdict:
    """Return the verdict on the numbers of a comparison."""
    is_inside = max(comparison.shares) >= thresholds.inside and min(comparison.shares) >= thresholds.share
    is_equal = comparison.agreement >= thresholds.agreement and comparison.changed <= thresholds.untouched
    has_overlay = (
        comparison.typical >= thresholds.typical
        and comparison.overlay >= thresholds.overlay
        and comparison.changed <= thresholds.covered
    )
    if is_inside and (is_equal or has_overlay):
        return Verdict.SAME
    is_alike = comparison.agreement >= thresholds.alike and max(comparison.shares) >= thresholds.share
    return Verdict.ALIKE if is_alike else Verdict.DIFFERENT
