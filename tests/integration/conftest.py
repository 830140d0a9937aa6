"""Fixtures for tests of whole libraries: a library of colours, a small model and caches of exports."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.encoders import load_encoder
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.cached_encoder import int8_fingerprint
from indexer.encoders.export_store import cache_folder
from indexer.encoders.onnx_encoder import ExportDescription
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import Place
from tests.support.encoders import FakeEncoder


@pytest.fixture
def encoder() -> FakeEncoder:
    """Return a fake encoder that records its input."""
    return FakeEncoder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    return path


@pytest.fixture(params=["folder", pytest.param("postgresql", marks=pytest.mark.cluster)])
def library_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return where a test makes a library: a folder, at the path that `recall_program` uses, or in PostgreSQL.

    Tests with this fixture, or `library`, run on both, unless they are marked folder.
    """
    if request.param == "folder":
        return tmp_path / "test.recall"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def other_place(library_place: Place, tmp_path: Path) -> Callable[[str], Place]:
    """Return a function that returns the place of another library by its name, of the kind of `library_place`."""
    if isinstance(library_place, Path):
        return lambda name: tmp_path / f"{name}.recall"
    return lambda name: f"{library_place}_{name}"


@pytest.fixture
def library(library_place: Place, encoder: FakeEncoder) -> Iterator[Library]:
    """Return an open library with the fake encoder, in the place that `recall_program` uses."""
    with Library.open(library_place, encoder=encoder) as library:
        yield library


@pytest.fixture(scope="module")
def color_album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three photos of one color, to be read only, and make a library of it beside it."""
    place = tmp_path_factory.mktemp("album")
    for color in ("red", "lime", "blue"):
        paint(place / "pictures" / f"{color}.png", color)
    with Library.open(place / "test.recall", encoder=FakeEncoder()) as library:
        library.sync(place / "pictures")
    return place / "pictures"


@pytest.fixture
def color_library(color_album: Path, tmp_path: Path) -> Path:
    """Return a copy of the library of `color_album`, at the path that `recall_program` uses."""
    return Path(shutil.copytree(color_album.parent / "test.recall", tmp_path / "test.recall"))


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a small open_clip model with random weights."""
    from tests.support.models import save_model  # late: torch and open_clip take seconds to import

    return save_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture
def exported_model(small_model: str, encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the cache that has the small model in both precisions."""
    load_encoder(f"{small_model}+int8")  # also exports it in float32; only the first test waits
    of_compact = f"{int8_fingerprint(ExportDescription.read(COMPACT_FOLDER).fingerprint)}-int8"  # another test's
    shutil.copytree(encoder_cache, tmp_path / "cache", ignore=shutil.ignore_patterns(of_compact))
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache that does not exist yet."""
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "empty"))
    return cache_folder()


@pytest.fixture
def encoder_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that returns the lines logged by encoders so far."""
    caplog.set_level(logging.INFO, "indexer.encoders")
    return lambda: [entry.getMessage() for entry in caplog.records if entry.name.startswith("indexer.encoders")]
