"""Scores of the regions of a picture: its tiles are encoded as photos of their own."""

from __future__ import annotations

import io
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
from indexer.private_files import part_file
from indexer.types import Progress, ProgressCallback, Vectors

if TYPE_CHECKING:
    from PIL import Image

DIVISORS = (2, 3)
"""Tiles have 1/2 and 1/3 of each side and overlap by half a tile: 3 x 3 and 5 x 5 of them."""

GRID = 24
"""Side of the heat map in cells: half a tile is a whole number of cells for both sizes (6 and 4)."""

MAX_SIDE = 1024
"""Longest side of a saved heat map in pixels."""

COLORS = ((0, 0, 40), (120, 20, 110), (230, 80, 50), (255, 220, 80))
"""Colors from cold to hot: dark blue, purple, orange, yellow. Lightness increases too, for color-blind eyes."""

OPACITY = (90, 230)
"""Of the coldest and the warmest cell of a map that is laid over the picture, 0 to 255: the picture can be seen."""

_OVERLAY_SIDE = 512
"""Longest side of such a map in pixels: it has 24 cells a side, and a page enlarges it smoothly."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a picture.

    Attributes:
        left: Left edge as a share of the width, 0 to 1.
        top: Top edge as a share of the height.
        right: Right edge as a share of the width.
        bottom: Bottom edge as a share of the height.
        score: Cosine of the query with this region, encoded as a photo of its own.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def location(self) -> str:
        """Where the region is, for people: "upper left", "centre"."""
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        column = "left" if x < 0.4 else "right" if x > 0.6 else ""
        row = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
        return " ".join(word for word in (row or ("middle" if column else ""), column or "centre") if word)


@dataclass(frozen=True, slots=True)
class Regions:
    """Scores of the regions of a picture.

    Attributes:
        tiles: Best first; equal scores from the upper left.
        heatmap: Mean score of the tiles that cover each cell, shape (GRID, GRID), float32, rows from the top.
    """

    tiles: Sequence[Region]
    heatmap: Vectors


def score_regions(
    picture: Image.Image, query: Vectors, encoder: Encoder, *, progress: ProgressCallback | None = None
) -> Regions:
    """Return the scores of the regions of a picture for a query.

    Args:
        picture: Upright, RGB.
        query: Unit vector, shape (d,).
        encoder: The encoder of the query vector.
        progress: Called with the number of encoded tiles.
    """
    boxes = [
        (column / (2 * n), row / (2 * n), 1 / n)
        for n in DIVISORS
        for row, column in product(range(2 * n - 1), repeat=2)
    ]
    scores: list[float] = []
    for start in range(0, len(boxes), encoder.batch_size):
        batch = boxes[start : start + encoder.batch_size]
        pixels = np.stack([prepare(_crop(picture, *box), encoder.preprocess) for box in batch])
        scores += (encoder.encode_images(pixels) @ query).tolist()
        if progress:
            progress(Progress("encoding regions", len(scores), len(boxes)))
    tiles = [
        Region(left, top, left + side, top + side, score)
        for (left, top, side), score in zip(boxes, scores, strict=True)
    ]
    return Regions(sorted(tiles, key=lambda tile: -tile.score), _heatmap(tiles))


def _crop(picture: Image.Image, left: float, top: float, side: float) -> Image.Image:
    width, height = picture.size
    box = (round(left * width), round(top * height), round((left + side) * width), round((top + side) * height))
    return picture.crop((box[0], box[1], max(box[2], box[0] + 1), max(box[3], box[1] + 1)))


def _heatmap(tiles: Sequence[Region]) -> Vectors:
    total = np.zeros((GRID, GRID), dtype=np.float32)
    count = np.zeros((GRID, GRID), dtype=np.float32)
    for tile in tiles:
        left, top, right, bottom = (round(edge * GRID) for edge in (tile.left, tile.top, tile.right, tile.bottom))
        total[top:bottom, left:right] += tile.score
        count[top:bottom, left:right] += 1
    mean: Vectors = total / count  # tiles of each size cover every cell
    return mean


def save_heatmap(picture: Image.Image, regions: Regions, path: Path, *, overwrite: bool = False) -> None:
    """Write the picture with its heat map over it, in the format of the file's extension.

    Args:
        picture: Upright, RGB.
        regions: Regions of this picture.
        path: A file that does not exist.
        overwrite: Whether it may exist, and is replaced.

    Raises:
        QueryError: The file exists, cannot be written, or its extension is not that of a picture format.
    """
    from PIL import Image

    path = path.expanduser()
    if os.path.lexists(path) and not overwrite:
        raise QueryError(f"{path} exists already; name a new file, or write over it with --force")
    thumbnail = picture.copy()
    thumbnail.thumbnail((MAX_SIDE, MAX_SIDE))
    overlay = _colors(regions).convert("RGB").resize(thumbnail.size, Image.Resampling.BICUBIC)
    format = Image.registered_extensions().get(path.suffix.lower(), path.suffix)
    try:
        with part_file(path) as part:
            Image.blend(thumbnail.convert("L").convert("RGB"), overlay, 0.5).save(part, format=format)
            part.replace(path)
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "strerror", None) or error
        raise QueryError(
            f"{path} cannot be written ({reason}); expected a name such as heat.png in a folder that you can write to"
        ) from error


def heatmap_png(picture: Image.Image, regions: Regions) -> bytes:
    """Return the heat map alone as a PNG of the picture's shape, to be laid over it: the warmer, the less transparent.

    Args:
        picture: The picture, of which only the size is read.
        regions: Regions of this picture.
    """
    from PIL import Image  # late, as above

    scale = min(1.0, _OVERLAY_SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    content = io.BytesIO()
    _colors(regions).resize(size, Image.Resampling.BICUBIC).save(content, "PNG")
    return content.getvalue()


def _colors(regions: Regions) -> Image.Image:
    """Return the heat map in colors, RGBA, a pixel for each cell."""
    from PIL import Image  # late, as above

    spread = float(np.ptp(regions.heatmap))
    level = (regions.heatmap - regions.heatmap.min()) / (spread or 1)  # 0..1
    stops = np.linspace(0, 1, len(COLORS))
    channels = [np.interp(level, stops, [color[channel] for color in COLORS]) for channel in range(3)]
    channels.append(np.interp(level, [0, 1], OPACITY))
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
