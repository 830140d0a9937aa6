"""What the tests of whole libraries share: one on colours, in this process and as the program sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.encoders import FakeEncoder


@pytest.fixture
def encoder() -> FakeEncoder:
    """Return an encoder that counts what it encodes."""
    return FakeEncoder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder to be indexed."""
    place = tmp_path / "pictures"
    place.mkdir()
    return place


@pytest.fixture
def library(tmp_path: Path, encoder: FakeEncoder) -> Iterator[Library]:
    """Return an open library of colours, where `recall_program` looks for its own."""
    with Library.open(tmp_path / "test.recall", encoder=encoder) as opened:
        yield opened


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a small open_clip model: quick to run, and blind."""
    from tests.support.models import save_model  # late: torch and open_clip take seconds to import

    return save_model(tmp_path_factory.mktemp("models") / "small")
