"""A library on colours with all that a library can hold, and exports of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.transfer.import_items import ImportReport
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder


def fill(library: Library, folder: Path) -> None:
    """Give a library three photos in two sources with rules, a failure, tags and a text."""
    paint(folder / "red.png", "red")
    paint(folder / "inner" / "lime.png", "lime")
    paint(folder / "blue.png", "blue")
    (folder / "broken.png").write_bytes(b"no picture")
    library.sync(folder / "inner", exclude=["*.gif"], include_hidden=True)
    library.sync(folder, exclude=["Screens*"])
    ((item, unit),) = rows(
        library.path, "SELECT items.id, units.id FROM items JOIN units ON item_id = items.id WHERE name = 'red.png'"
    )
    rows(library.path, "INSERT INTO tags VALUES (?, 'Strand'), (?, 'Familie')", item, item)
    rows(library.path, "UPDATE units SET text = 'a red wall' WHERE id = ?", unit)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with such a library, made.recall, and its export, never to be changed."""
    place = tmp_path_factory.mktemp("made")
    with Library.open(place / "made.recall", encoder=FakeEncoder()) as library:
        fill(library, place / "pictures")
        library.export(place / "export")
    return place


@pytest.fixture
def filled(library: Library, folder: Path) -> Library:
    """Return a library of this test's own."""
    fill(library, folder)
    return library


@pytest.fixture
def export(filled: Library, tmp_path: Path) -> Path:
    """Return its export."""
    return filled.export(tmp_path / "export").folder


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., tuple[Path, ImportReport]]:
    """Return what imports a folder into a library, by default a new one, and gives its path and the report."""

    def into(folder: Path, name: str = "new.recall", **options: object) -> tuple[Path, ImportReport]:
        with Library.open(tmp_path / name) as library:
            return library.path, library.import_(folder, **options)  # type: ignore[arg-type]

    return into


@pytest.fixture
def colours() -> FakeEncoder:
    """Return another object that is the same encoder as the library's."""
    return FakeEncoder()


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the export of the library that all tests share."""
    return shutil.copytree(made / "export", tmp_path / "copied")
