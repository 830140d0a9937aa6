"""Fixtures of the tests of walks and syncs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder to be walked."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder
