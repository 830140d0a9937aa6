"""Fixtures of the tests of walks and syncs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.color_photos import paint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder to be walked."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def table_folder(tmp_path: Path) -> Path:
    """Return a folder with the pictures of `tests.support.tables.ROWS`."""
    folder = tmp_path / "set"
    paint(folder / "red.png", "red")
    paint(folder / "sub" / "blue.png", "blue")
    return folder
