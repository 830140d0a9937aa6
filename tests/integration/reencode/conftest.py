"""Fixtures: a small sample, and a library whose encoder was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.maintenance.reencode import switch
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.related_encoders import RelatedEncoder


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "SAMPLE_SIZE", 12)


@pytest.fixture
def changed(library: Library, folder: Path) -> Library:
    """Return a library of 40 photos, 12 of them encoded with its new encoder and 28 approximated."""
    paint_many(folder, 40)
    library.sync(folder)
    library.use_encoder(RelatedEncoder())
    return library
