"""Many different photos: parts of a few real ones."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image

_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "hubble_deep_field.jpg")


def make_cut_outs(photos: Path, folder: Path, count: int) -> None:
    """Write so many parts of photos of scikit-image's folder `photos` into five subfolders of `folder`."""
    chooser = random.Random(20)
    pictures = [Image.open(photos / name).convert("RGB") for name in _PHOTOS]
    for number in range(count):
        picture = chooser.choice(pictures)
        left, top = chooser.randrange(picture.width // 2), chooser.randrange(picture.height // 2)
        path = folder / f"{number % 5}" / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        box = (left, top, left + picture.width // 2, top + picture.height // 2)
        picture.crop(box).resize((256, 256)).save(path)
