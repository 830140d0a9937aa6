"""Photos to measure with: many of usual sizes, some as phones take them, and thousands of tiny ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import skimage_data

LARGE = (4000, 3000)
"""12 million pixels, as phones take them."""

EVERY_LARGE = 50
"""Of the mixed photos every 50th has 12 million pixels, and one beside it is a demo photo as it is."""

DEMO = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg")
"""Colour photos among scikit-image's, 451 to 1,411 pixels wide."""


def mixed_photos(folder: Path, count: int, flickr: Path) -> Path:
    """Return a folder of real photos, all different: 96 % 500 x 375, 2 % demo photos, 2 % of 12 million pixels.

    Args:
        folder: Made.
        count: Photos.
        flickr: Flickr8k's pictures, of which any size will do: they are scaled. Where there are none, cuts of the demo
            photos stand in.
    """
    folder.mkdir()
    real = sorted(flickr.glob("*.jpg"))[:count]
    for number in range(count):
        kind = number % EVERY_LARGE
        if kind == 0:
            save_large(folder / f"{number:05}.jpg", number // EVERY_LARGE)
            continue
        if kind == 1:
            picture = _demo(number // EVERY_LARGE)
            picture.putpixel((0, 0), (number % 256, number // 256, 0))  # another file: a copy is not encoded again
        elif number < len(real):
            with Image.open(real[number]) as opened:
                picture = opened.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC)
        else:
            picture = _cut(_demo(number), seed=number).resize((500, 375), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05}.jpg", quality=90)
    return folder


def save_large(path: Path, number: int) -> None:
    """Write a demo photo as a camera of 12 million pixels would: enlarged, with noise, each number another cut."""
    picture = _cut(_demo(number), seed=number).resize(LARGE, Image.Resampling.BICUBIC)
    noise = np.random.default_rng(number).integers(-6, 7, (500, 500, 3), dtype=np.int16)  # about 4 grey levels
    tiled = np.tile(noise, (LARGE[1] // 500, LARGE[0] // 500, 1))
    pixels = np.clip(np.asarray(picture, dtype=np.int16) + tiled, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


def small_pictures(folder: Path, count: int) -> Path:
    """Return a folder of JPEGs of 32 x 32, each another, a thousand to a subfolder: many files, little work each."""
    for number in range(count):
        colours: NDArray[np.uint8] = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(colours).resize((32, 32)).save(data, "JPEG")
        path = folder / f"{number // 1000:03}" / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.getvalue())
    return folder


def _demo(number: int) -> Image.Image:
    """Return one of the demo photos in RGB."""
    with Image.open(skimage_data() / DEMO[number % len(DEMO)]) as picture:
        return picture.convert("RGB")


def _cut(picture: Image.Image, *, seed: int) -> Image.Image:
    """Return a part of a picture, 4 : 3, at least two thirds as wide."""
    random = np.random.default_rng(seed)
    width = min(picture.width, picture.height * 4 // 3) * int(random.integers(67, 100)) // 100
    height = width * 3 // 4
    left, top = int(random.integers(picture.width - width)), int(random.integers(picture.height - height))
    return picture.crop((left, top, left + width, top + height))
