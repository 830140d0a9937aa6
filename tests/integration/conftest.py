"""What the tests of whole libraries share: one on colours, in this process and as the program sees it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.encoders import load_encoder
from indexer.encoders.export_store import cache_folder
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


@pytest.fixture
def kept_exports(small_model: str, encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of its own in which the small model lies in both precisions."""
    load_encoder(f"{small_model}+int8")  # the float32 one comes with it; the first test waits for both
    shutil.copytree(encoder_cache, tmp_path / "cache")
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache that does not exist yet."""
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "empty"))
    return cache_folder()


@pytest.fixture
def encoder_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what tells the lines logged so far by the encoders."""
    caplog.set_level(logging.INFO, "indexer.encoders")
    return lambda: [entry.getMessage() for entry in caplog.records if entry.name.startswith("indexer.encoders")]
