"""A library of six real photos and a text, for tests of servers."""

from __future__ import annotations

import shutil
from pathlib import Path

from retrieval import Library

NAMES = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "rocket.jpg")


def six_photos(folder: Path, photos: Path) -> Path:
    """Return a folder of six photos and a text, and make the library photos.recall of it beside it.

    Args:
        folder: The folder to make.
        photos: Where scikit-image has its photos.
    """
    folder.mkdir()
    for name in NAMES:
        shutil.copy(photos / name, folder)
    (folder / "bread.txt").write_text("How to bake a loaf of bread with rye flour. " * 100)
    with Library.open(folder.parent / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    return folder
