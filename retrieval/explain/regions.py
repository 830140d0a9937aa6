"""Which region of a picture carried a hit: tiles of it are encoded as photos of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import QueryError
from indexer.images import prepare
from indexer.types import Progress, ProgressCallback, Vectors

if TYPE_CHECKING:
    from PIL import Image

PARTS = (2, 3)
"""Tiles have 1/2 and 1/3 of each side, and each begins half a tile after the one before: 3 x 3 and 5 x 5 of them."""

CELLS = 24
"""Side of the map: half a tile is a whole number of cells for both sizes (6 and 4)."""

SHOWN = 1024
"""Longest side of a saved map in pixels."""

COLOURS = ((0, 0, 40), (120, 20, 110), (230, 80, 50), (255, 220, 80))
"""Of the map from cold to hot: dark blue, purple, orange, yellow, ever lighter, so that all eyes tell them."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture.

    Attributes:
        left: Share of the width, 0 to 1, from the left; as are the other three of theirs.
        top: Share of the height.
        right: Share of the width.
        bottom: Share of the height.
        score: Cosine of the query with this region, encoded as a photo of its own.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def location(self) -> str:
        """Where it is, in words for people: "upper left", "centre"."""
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        across = "left" if x < 0.4 else "right" if x > 0.6 else ""
        down = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
        return " ".join(word for word in (down or ("middle" if across else ""), across or "centre") if word)


@dataclass(frozen=True, slots=True)
class Regions:
    """What the tiles of a picture have to do with a query.

    Attributes:
        tiles: Best first, equal scores from the upper left.
        heatmap: Mean score of the tiles over each cell, shape (CELLS, CELLS), float32, rows from the top.
    """

    tiles: Sequence[Region]
    heatmap: Vectors


def tile_scores(
    picture: Image.Image, query: Vectors, encoder: Encoder, *, progress: ProgressCallback | None = None
) -> Regions:
    """Return what the tiles of a picture have to do with a query.

    Args:
        picture: Upright, RGB.
        query: Unit vector, shape (d,).
        encoder: Which made the query's vector.
        progress: Told how many tiles are encoded.
    """
    boxes = [
        (column / (2 * n), row / (2 * n), 1 / n) for n in PARTS for row, column in product(range(2 * n - 1), repeat=2)
    ]
    scores: list[float] = []
    for start in range(0, len(boxes), encoder.batch_size):
        batch = boxes[start : start + encoder.batch_size]
        pixels = np.stack([prepare(_tile(picture, *box), encoder.preprocess) for box in batch])
        scores += (encoder.encode_images(pixels) @ query).tolist()
        if progress:
            progress(Progress("looking at regions", len(scores), len(boxes)))
    tiles = [
        Region(left, top, left + side, top + side, score)
        for (left, top, side), score in zip(boxes, scores, strict=True)
    ]
    return Regions(sorted(tiles, key=lambda tile: -tile.score), _heat(tiles))


def _tile(picture: Image.Image, left: float, top: float, side: float) -> Image.Image:
    width, height = picture.size
    box = (round(left * width), round(top * height), round((left + side) * width), round((top + side) * height))
    return picture.crop((box[0], box[1], max(box[2], box[0] + 1), max(box[3], box[1] + 1)))


def _heat(tiles: Sequence[Region]) -> Vectors:
    total = np.zeros((CELLS, CELLS), dtype=np.float32)
    count = np.zeros((CELLS, CELLS), dtype=np.float32)
    for tile in tiles:
        left, top, right, bottom = (round(edge * CELLS) for edge in (tile.left, tile.top, tile.right, tile.bottom))
        total[top:bottom, left:right] += tile.score
        count[top:bottom, left:right] += 1
    mean: Vectors = total / count  # every cell lies in a tile of each size
    return mean


def save_heatmap(picture: Image.Image, regions: Regions, path: Path) -> None:
    """Write the picture with its map over it; the format is that of the file's ending.

    Args:
        picture: Upright, RGB.
        regions: Of this picture.
        path: Must not exist: no photo is ever written over.

    Raises:
        QueryError: The file exists, cannot be written, or has no ending of a picture format.
    """
    from PIL import Image

    if path.exists():
        raise QueryError(f"{path} exists already; name a new file, or delete it first")
    shown = picture.copy()
    shown.thumbnail((SHOWN, SHOWN))
    spread = float(np.ptp(regions.heatmap))
    level = (regions.heatmap - regions.heatmap.min()) / (spread or 1)  # 0..1
    colours = np.array([[np.interp(level, np.linspace(0, 1, len(COLOURS)), [c[i] for c in COLOURS])] for i in range(3)])
    warm = Image.fromarray(np.moveaxis(colours[:, 0], 0, -1).astype(np.uint8)).resize(
        shown.size, Image.Resampling.BICUBIC
    )
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        Image.blend(shown.convert("L").convert("RGB"), warm, 0.5).save(part)
        part.rename(path)
    except (OSError, ValueError) as error:
        raise QueryError(
            f"{path} cannot be written ({error}); expected a name such as heat.png in a folder of yours"
        ) from error
    finally:
        part.unlink(missing_ok=True)
