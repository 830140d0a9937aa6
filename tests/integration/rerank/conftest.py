"""A library of five colours and a second encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Library
from tests.support.color_photos import paint
from tests.support.second_encoder import COLORS, TurnedEncoder


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library of five photos, each of one colour."""
    for name, color in COLORS.items():
        paint(folder / name, color)
    library.sync(folder)
    return library


@pytest.fixture
def turned() -> TurnedEncoder:
    """Return an encoder that sees other colours and counts what it encodes."""
    return TurnedEncoder()
