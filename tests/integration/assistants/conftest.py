"""Fixtures for the server for assistants: a library of real photos and a text."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from retrieval import Library

NAMES = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "rocket.jpg")


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder of six photos and a text, to be read only, and make a library of it beside it."""
    folder = tmp_path_factory.mktemp("assistants") / "album"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(skimage_photos / name, folder)
    (folder / "bread.txt").write_text("How to bake a loaf of bread with rye flour. " * 100)
    with Library.open(folder.parent / "photos.recall", encoder="compact") as library:
        library.sync(folder)
    return folder


@pytest.fixture
def album_library(album: Path, tmp_path: Path) -> Path:
    """Return a copy of the album's library."""
    return Path(shutil.copytree(album.parent / "photos.recall", tmp_path / "photos.recall"))
