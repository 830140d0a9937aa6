"""Photos for benchmarks: many of usual sizes, some as large as phones take them, and thousands of tiny ones."""

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
"""Every 50th of the mixed photos has 12 million pixels, and the one after it is an unchanged demo photo."""

DEMO = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg")
"""Colour photos of scikit-image, 451 to 1,411 pixels wide."""


def mixed_photos(folder: Path, count: int, flickr: Path) -> Path:
    """Return a new folder of real photos, all different: 96 % 500 x 375, 2 % demo photos, 2 % of 12 million pixels.

    Args:
        folder: The folder, which must not exist.
        count: Number of photos.
        flickr: Folder of Flickr8k's pictures, which are scaled. If there are too few, crops of demo photos are used.
    """
    folder.mkdir()
    flickr_photos = sorted(flickr.glob("*.jpg"))[:count]
    for number in range(count):
        kind = number % EVERY_LARGE
        if kind == 0:
            save_large(folder / f"{number:05}.jpg", number // EVERY_LARGE)
            continue
        if kind == 1:
            picture = _demo(number // EVERY_LARGE)
            picture.putpixel(
                (0, 0), (number % 256, number // 256, 0)
            )  # makes the file different: a copy is not encoded again
        elif number < len(flickr_photos):
            with Image.open(flickr_photos[number]) as photo:
                picture = photo.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC)
        else:
            picture = _crop(_demo(number), seed=number).resize((500, 375), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05}.jpg", quality=90)
    return folder


def save_large(path: Path, number: int) -> None:
    """Write a crop of a demo photo, enlarged to 12 million pixels with noise as of a camera; each number differs."""
    picture = _crop(_demo(number), seed=number).resize(LARGE, Image.Resampling.BICUBIC)
    noise = np.random.default_rng(number).integers(-6, 7, (500, 500, 3), dtype=np.int16)  # about 4 grey levels
    noise = np.tile(noise, (LARGE[1] // 500, LARGE[0] // 500, 1))
    pixels = np.clip(np.asarray(picture, dtype=np.int16) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


def small_pictures(folder: Path, count: int) -> Path:
    """Return a folder of different 32 x 32 JPEGs, a thousand to a subfolder: many files, little work for each."""
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


def _crop(picture: Image.Image, *, seed: int) -> Image.Image:
    """Return a random 4 : 3 crop of a picture, at least two thirds as wide."""
    random = np.random.default_rng(seed)
    width = min(picture.width, picture.height * 4 // 3) * int(random.integers(67, 100)) // 100
    height = width * 3 // 4
    left, top = int(random.integers(picture.width - width)), int(random.integers(picture.height - height))
    return picture.crop((left, top, left + width, top + height))
