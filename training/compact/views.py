"""Several views of each photo through the frozen part of the image tower, cached on disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor, nn

from training.compact.photo_sets import TrainingPhoto
from training.compact.progress_log import log_progress

logger = logging.getLogger(__name__)

SIDE = 224
FROZEN_BLOCKS = 5  # their output is 14 x 14 x 112
MAP_SHAPE = (14, 14, 112)  # height, width, channels of a cached activation
BATCH = 64


@dataclass(frozen=True, slots=True)
class CachedView:
    """The outputs of the frozen blocks for one view of every photo.

    Attributes:
        maps: Activations, shape (n, 14, 14, 112), float16, mapped from disk.
        pooled: Features of the unchanged tower, shape (n, 1280), float16.
    """

    maps: NDArray[np.float16]
    pooled: NDArray[np.float16]


def make_view(picture: Image.Image, number: int, random: np.random.Generator) -> Image.Image:
    """Return a view of a picture: 0 is squashed, 1 also mirrored, from 2 on crop and colors are random."""
    if number == 0:
        return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if number == 1:
        return ImageOps.mirror(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    crop = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=_random_box(picture.size, random))
    if random.random() < 0.5:
        crop = ImageOps.mirror(crop)
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        crop = enhancer(crop).enhance(float(random.uniform(0.7, 1.3)))
    return crop


def _random_box(size: tuple[int, int], random: np.random.Generator) -> tuple[float, float, float, float]:
    width, height = size
    area = random.uniform(0.45, 1.0)
    ratio = np.exp(random.uniform(-0.29, 0.29))  # 3:4 to 4:3 relative to the picture's own
    wide, high = min(1.0, float(np.sqrt(area * ratio))), min(1.0, float(np.sqrt(area / ratio)))
    left, top = random.uniform(0, 1 - wide), random.uniform(0, 1 - high)
    return left * width, top * height, (left + wide) * width, (top + high) * height


class Front(nn.Module):
    """The frozen blocks of the image tower: (n, 3, 224, 224) to (n, 112, 14, 14)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(model.conv_stem, model.bn1, *model.blocks[:FROZEN_BLOCKS])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the activations that are cached."""
        return self.layers(pixels)  # type: ignore[no-any-return]


class Tail(nn.Module):
    """The trained blocks of the image tower: (n, 112, 14, 14) to pooled features (n, 1280)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(*model.blocks[FROZEN_BLOCKS:], model.conv_head, model.bn2)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the mean over the 7 x 7 positions."""
        return self.layers(maps).mean((2, 3))  # type: ignore[no-any-return]


def _batches(photos: Sequence[TrainingPhoto], number: int, seed: int) -> Iterator[Tensor]:
    """Yield batches of one view of the photos as the tower reads them; the next batch is decoded ahead."""

    def pixels(index: int) -> NDArray[np.uint8]:
        random = np.random.default_rng((seed, number, index))
        with Image.open(photos[index].path) as picture:
            return np.asarray(make_view(picture.convert("RGB"), number, random))

    with ThreadPoolExecutor(2) as pool:
        ahead = pool.map(pixels, range(min(BATCH, len(photos))))
        for start in range(0, len(photos), BATCH):
            batch = np.stack(list(ahead))  # (b, 224, 224, 3)
            ahead = pool.map(pixels, range(start + BATCH, min(start + 2 * BATCH, len(photos))))
            yield _to_input(batch)


def _to_input(batch: NDArray[np.uint8]) -> Tensor:
    """Return pixels (b, 224, 224, 3) as the tower reads them, shape (b, 3, 224, 224), channels last, -1 to 1."""
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.inference_mode()
def cache_view(
    photos: Sequence[TrainingPhoto], front: Front, tail: Tail, *, number: int, seed: int, prefix: Path
) -> None:
    """Write the activations and features of one view of every photo to `prefix`.maps.npy and `prefix`.pooled.npy."""
    partial = prefix.with_name(prefix.name + ".partial.npy")
    maps = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=(len(photos), *MAP_SHAPE))
    pooled = np.zeros((len(photos), 1280), dtype=np.float16)
    total = -(-len(photos) // BATCH)
    for step, batch in enumerate(log_progress(_batches(photos, number, seed), stage=f"view {number}", total=total)):
        activations = front(batch)  # (b, 112, 14, 14)
        rows = slice(step * BATCH, step * BATCH + len(activations))
        maps[rows] = activations.permute(0, 2, 3, 1).half().numpy()
        pooled[rows] = tail(activations).half().numpy()
    maps.flush()
    np.save(prefix.with_name(prefix.name + ".pooled.npy"), pooled)
    partial.rename(prefix.with_name(prefix.name + ".maps.npy"))


@torch.inference_mode()
def pool_maps(tail: Tail, maps: NDArray[np.float16]) -> NDArray[np.float16]:
    """Return the tail's features of cached activations, shape (n, 1280)."""
    starts = range(0, len(maps), 2 * BATCH)
    parts = [
        tail(torch.from_numpy(maps[start : start + 2 * BATCH].astype(np.float32)).permute(0, 3, 1, 2)).half().numpy()
        for start in log_progress(starts, stage="features", total=len(starts))
    ]
    return np.concatenate(parts)


@torch.inference_mode()
def pool_pictures(
    front: Front, tail: Tail, pictures: Sequence[Image.Image], *, number: int, seed: int
) -> NDArray[np.float16]:
    """Return the whole tower's features of one view of pictures in memory, shape (n, 1280)."""
    views = [
        np.asarray(make_view(picture, number, np.random.default_rng((seed, number, index))))
        for index, picture in enumerate(pictures)
    ]
    parts = [
        tail(front(_to_input(np.stack(views[start : start + BATCH])))).half().numpy()
        for start in range(0, len(views), BATCH)
    ]
    return np.concatenate(parts)


def load_view(prefix: Path) -> CachedView:
    """Return the view that `cache_view` wrote."""
    return CachedView(
        maps=np.load(prefix.with_name(prefix.name + ".maps.npy"), mmap_mode="r"),
        pooled=np.load(prefix.with_name(prefix.name + ".pooled.npy")),
    )
