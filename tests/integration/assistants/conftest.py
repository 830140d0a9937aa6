"""Fixtures for the server for assistants: a library of real photos and a text."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.six_photos import six_photos


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder of six photos and a text, to be read only, and make a library of it beside it."""
    return six_photos(tmp_path_factory.mktemp("assistants") / "album", skimage_photos)


@pytest.fixture
def album_library(album: Path, tmp_path: Path) -> Path:
    """Return a copy of the album's library."""
    return Path(shutil.copytree(album.parent / "photos.recall", tmp_path / "photos.recall"))
