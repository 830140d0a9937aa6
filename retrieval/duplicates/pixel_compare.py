"""Whether two photos are one picture, one scene at two moments, or different: decided on their pixels alone.

    a, b = sketch(grey), sketch(other_grey)     # once per photo: 5 ms
    compare(a, b).verdict                       # Verdict.SAME, Verdict.ALIKE or Verdict.DIFFERENT

The one picture is laid over the other, as a whole or as a part, turned and mirrored if need be. Copies then agree
everywhere, save where something was written over them; two moments of one scene agree in places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Vectors
from retrieval.duplicates.features import TURNS, Features, Grey, find_features, smoothed, turned, turned_features
from retrieval.duplicates.registration import Overlap, Placement, consensus, overlap, refined

SIDE = 192
"""Longer side of a sketch in pixels, at most."""

THUMB = 16
"""Side of the square to which whole pictures are scaled for a first look."""

WHOLE = 0.5
"""Correlation of two such squares from which on the one picture may be the whole of the other."""

VOTES = 5
"""Corners that must agree before a placement is looked at; three agree by chance in most pairs."""

BLOCK = 8
"""Side of the blocks in which two overlaps are held against each other, of about 100 x 75 pixels."""

DETAIL = 128
"""Longer side of the overlap in pixels, at most: finer detail is what a re-encode changes."""

NOISE = 6.0
"""Grey levels that a re-encode may change, where the whole overlap has a standard deviation of 50."""

CLEAR = 400.0
"""Variance of a block from which on more contrast gives it no more weight."""

CHANGED = 0.6
"""Structure of a block below which it shows something else."""

LARGE = 8.0
"""Grey levels by which a pixel has changed, and not by a re-encode."""

BORDER = 12
"""Grey levels between the darkest and the lightest pixel of a row that belongs to a border."""

PLAIN = 4.0
"""Grey levels of standard deviation in a whole overlap, below which its noise is not enlarged further."""

EDGE = 2
"""Pixels left out around an overlap."""


class Verdict(StrEnum):
    """What two photos are to each other."""

    SAME = "same"  # one picture: a copy, perhaps scaled, cropped, turned, edited in tone, written over
    ALIKE = "alike"  # one scene or one look: another moment, another framing
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a verdict holds. tests/bench/test_duplicates.py chooses `agreement` on one half of its photos.

    Attributes:
        agreement: Of all blocks together, for SAME.
        untouched: How many of the blocks may have changed there.
        typical: Of the median block, for SAME with something written over it.
        overlay: How much of the change must have one sign there, see `PixelComparison.overlay`.
        written: How many of the blocks may have changed there.
        inside: How much of one picture must lie in the other.
        share: How much of the other that must be at least.
        alike: Agreement of all blocks together, for ALIKE.
    """

    agreement: float = 0.99
    untouched: float = 0.005
    typical: float = 0.995
    overlay: float = 0.98
    written: float = 0.25
    inside: float = 0.9
    share: float = 0.25
    alike: float = 0.6


@dataclass(frozen=True, slots=True)
class Sketch:
    """What of a photo is compared.

    Attributes:
        grey: Shape (h, w), uint8, its longer side `SIDE` at most.
        features: Its corners.
        thumb: The whole in `THUMB` x `THUMB`, without mean, of unit length.
        filled: Share of the picture that is no plain border, 0 to 1.
    """

    grey: NDArray[np.uint8]
    features: Features
    thumb: Vectors
    filled: float


@dataclass(frozen=True, slots=True)
class PixelComparison:
    """How two photos compare, in the best of the placements that were tried.

    Attributes:
        verdict: What it comes to.
        turn: How the second is laid over the first, see `features.TURNS`.
        shares: How much of the first and of the second is common to both, 0 to 1; 0 where no placement was found.
        agreement: Mean over the blocks of how alike their structure is, -1 to 1, each weighted by its contrast.
        typical: That of the median block.
        changed: Share of the blocks, so weighted, that do not agree.
        overlay: How much of the change has one sign, 0 to 1: light letters only lighten, while what moves lightens
            one place and darkens another.
    """

    verdict: Verdict
    turn: int = 0
    shares: tuple[float, float] = (0.0, 0.0)
    agreement: float = 0.0
    typical: float = 0.0
    changed: float = 1.0
    overlay: float = 0.0


def sketch(grey: NDArray[np.uint8]) -> Sketch:
    """Return what is compared of a grey picture, shape (h, w), uint8, at any size from 8 x 8."""
    picture = Image.fromarray(grey)
    if max(picture.size) > SIDE:
        ratio = SIDE / max(picture.size)
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    square = picture.convert("F").resize((THUMB, THUMB), Image.Resampling.BILINEAR)
    thumb = np.asarray(square, dtype=np.float32)
    thumb = thumb - thumb.mean()
    thumb = thumb / max(float(np.linalg.norm(thumb)), 1.0)
    pixels = np.asarray(picture)
    return Sketch(pixels, find_features(pixels.astype(np.float32)), thumb, _filled(pixels))


def _filled(pixels: NDArray[np.uint8]) -> float:
    """Return the share of a picture that is left when equally many plain rows are cut off at two opposite sides.

    On one side alone it may be a sky.
    """
    share = 1.0
    for axis in (0, 1):
        lively = np.flatnonzero(np.ptp(pixels, axis=1 - axis) > BORDER)
        side = pixels.shape[axis]
        share *= 1 - 2 * min(int(lively[0]), side - 1 - int(lively[-1])) / side if lively.size else 0.0
    return share


DEFAULT = Thresholds()
"""Those that Recall goes by."""


def compare(one: Sketch, other: Sketch, thresholds: Thresholds = DEFAULT) -> PixelComparison:
    """Return what two photos are to each other.

    Args:
        one: The first.
        other: The second; changing places changes the numbers a little.
        thresholds: From where on a verdict holds.
    """
    best = PixelComparison(Verdict.DIFFERENT)
    picture = Image.fromarray(one.grey.astype(np.float32))
    for turn in range(TURNS):
        laid = Image.fromarray(turned(other.grey.astype(np.float32), turn))
        for place in _placements(one, other, turn):
            found = _examined(picture, laid, place, turn, thresholds)
            if found is not None and _rank(found) > _rank(best):
                best = found
        if best.verdict is Verdict.SAME:
            break
    return best


def _rank(found: PixelComparison) -> tuple[bool, float]:
    return found.verdict is Verdict.SAME, found.agreement


def _placements(one: Sketch, other: Sketch, turn: int) -> Iterator[Placement]:
    """Yield where the second picture, turned, may lie in the first: as the whole of it, and where corners agree."""
    if float((turned(other.thumb, turn) * one.thumb).sum()) > WHOLE:
        height, width = turned(other.grey, turn).shape
        whole = [side / max(one.grey.shape) for side in one.grey.shape]
        yield Placement(0.0, 0.0, whole[1] * max(height, width) / width, whole[0] * max(height, width) / height)
    place, votes = consensus(one.features, turned_features(other.features, turn, other.grey.shape))
    if place is not None and votes >= VOTES:
        yield place


def _examined(
    one: Image.Image, other: Image.Image, place: Placement, turn: int, thresholds: Thresholds
) -> PixelComparison | None:
    """Return how two pictures compare in one placement, once that is refined; None where they share too little."""
    place = refined(one, other, place, side=48, steps=4)
    shared = overlap(one, other, place, 64)
    if shared is None or _agreement(*_blocks(shared)[:2])[0] < 0.3:
        return None
    place = refined(one, other, place, side=112, steps=6)
    side = min(share**0.5 * max(picture.size) for share, picture in zip(shared.shares, (one, other), strict=True))
    shared = overlap(one, other, place, int(min(DETAIL, max(32, side))))  # larger than neither of the two
    if shared is None:
        return None
    return _measured(shared, turn, thresholds)


def _measured(shared: Overlap, turn: int, thresholds: Thresholds) -> PixelComparison:
    """Return what the common part of two pictures says about them."""
    structure, weight, change = _blocks(shared)
    agreement, typical = _agreement(structure, weight)
    off = structure < CHANGED
    changed = float(weight[off].sum() / max(float(weight.sum()), 1e-6))
    large = change[off][np.abs(change[off]) > LARGE]
    overlay = float(abs(large.sum()) / np.abs(large).sum()) if large.size else 1.0
    found = PixelComparison(Verdict.DIFFERENT, turn, shared.shares, agreement, typical, changed, overlay)
    return replace(found, verdict=judged(found, thresholds))


def judged(found: PixelComparison, thresholds: Thresholds) -> Verdict:
    """Return what the numbers of a comparison come to."""
    within = max(found.shares) >= thresholds.inside and min(found.shares) >= thresholds.share
    equal = found.agreement >= thresholds.agreement and found.changed <= thresholds.untouched
    written = (
        found.typical >= thresholds.typical
        and found.overlay >= thresholds.overlay
        and found.changed <= thresholds.written
    )
    if within and (equal or written):
        return Verdict.SAME
    near = found.agreement >= thresholds.alike and max(found.shares) >= thresholds.share
    return Verdict.ALIKE if near else Verdict.DIFFERENT


def _agreement(structure: Vectors, weight: Vectors) -> tuple[float, float]:
    """Return the mean and the median of the blocks' structure, each block as often as its weight."""
    total = float(weight.sum())
    if total < 1e-6:
        return 0.0, 0.0  # nothing to be seen in either
    order = np.argsort(structure, kind="stable")
    half = np.searchsorted(np.cumsum(weight[order]), total / 2)
    median = structure[order[min(int(half), len(order) - 1)]]
    return float((structure * weight).sum() / total), float(median)


def _blocks(shared: Overlap) -> tuple[Vectors, Vectors, Vectors]:
    """Return how two overlaps agree, block by block.

    Returns:
        The structure term of SSIM (Wang et al. 2004, formula 10), shape (n,): the correlation of the two blocks, near
            1 where neither has more contrast than noise.
        The weight of each block, shape (n,): its contrast, up to a limit.
        How much lighter the second is, shape (n, BLOCK * BLOCK), in grey levels as of `NOISE`.
    """
    one, other = (_blocked(_levelled(smoothed(part))) for part in (shared.one, shared.other))
    change = other - one
    change -= np.median(change)
    one, other = (blocks - blocks.mean(axis=1, keepdims=True) for blocks in (one, other))
    here, there, both = ((a * b).mean(axis=1) for a, b in ((one, one), (other, other), (one, other)))
    noise = NOISE**2
    structure = (both + noise) / np.sqrt((here + noise) * (there + noise))
    return structure, np.minimum(np.maximum(here, there), CLEAR), change


def _levelled(grey: Grey) -> Grey:
    """Return a picture with mean 0 and standard deviation 50, so that light and contrast do not count."""
    inner = grey[EDGE:-EDGE, EDGE:-EDGE]  # the outermost pixels are mixed with what lies outside the overlap
    return np.asarray((inner - inner.mean()) * (50 / max(float(inner.std()), PLAIN)), dtype=np.float32)


def _blocked(grey: Grey) -> Vectors:
    """Return the whole blocks of a picture, shape (n, BLOCK * BLOCK)."""
    rows, columns = (max(1, side // BLOCK) for side in grey.shape)
    height, width = (side // count for side, count in zip(grey.shape, (rows, columns), strict=True))
    cut = grey[: rows * height, : columns * width].reshape(rows, height, columns, width)
    return cut.swapaxes(1, 2).reshape(rows * columns, height * width)
