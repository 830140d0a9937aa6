"""A library of coloured photos with rules, failures, labels and texts, and exports of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.transfer.report import ImportReport
from retrieval import Library
from tests.support.clip_retrieval import BLUE, LIME, RED, write_part
from tests.support.color_photos import paint
from tests.support.contents import Place, rows
from tests.support.encoders import FakeEncoder


def fill(library: Library, folder: Path) -> None:
    """Fill a library with three photos in two sources with rules, a failure, tags, a person, places and a text."""
    paint(folder / "red.png", "red")
    paint(folder / "inner" / "lime.png", "lime")
    paint(folder / "blue.png", "blue")
    (folder / "broken.png").write_bytes(b"no picture")
    library.sync(folder / "inner", exclude=["*.gif"], include_hidden=True)
    library.sync(folder, exclude=["Screens*"])
    ((item, unit),) = rows(
        library, "SELECT items.id, units.id FROM items JOIN units ON item_id = items.id WHERE name = 'red.png'"
    )
    rows(library, "INSERT INTO tags VALUES (?, 'Strand', 'strand'), (?, 'Familie', 'familie')", item, item)
    rows(library, "INSERT INTO people VALUES (?, 'Ada Lovelace', 'ada lovelace')", item)
    rows(
        library,
        "INSERT INTO places (item_id, place, key) VALUES (?, 'Lisbon', 'lisbon'), (?, 'Portugal', 'portugal')",
        item,
        item,
    )
    rows(library, "UPDATE units SET text = 'a red wall' WHERE id = ?", unit)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with such a library, made.recall, and its export; tests must not change them."""
    folder = tmp_path_factory.mktemp("shared")
    with Library.open(folder / "made.recall", encoder=FakeEncoder()) as library:
        fill(library, folder / "pictures")
        library.export(folder / "export")
    return folder


@pytest.fixture
def filled(library: Library, folder: Path) -> Library:
    """Return such a library, which a test may change."""
    fill(library, folder)
    return library


@pytest.fixture
def export(filled: Library, tmp_path: Path) -> Path:
    """Return the export of `filled`."""
    return filled.export(tmp_path / "export").folder


@pytest.fixture
def import_into(other_place: Callable[[str], Place]) -> Callable[..., tuple[Place, ImportReport]]:
    """Return a function that imports an export into a library and returns its place and the report."""

    def into(folder: Path, name: str = "new", **options: object) -> tuple[Place, ImportReport]:
        with Library.open(other_place(name)) as library:
            return other_place(name), library.import_(folder, **options)  # type: ignore[arg-type]

    return into


@pytest.fixture
def same_encoder() -> FakeEncoder:
    """Return another object with the fingerprint of the library's encoder."""
    return FakeEncoder()


@pytest.fixture
def export_copy(shared: Path, tmp_path: Path) -> Path:
    """Return a copy of the export in `shared`."""
    return shutil.copytree(shared / "export", tmp_path / "export_copy")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Return two parts of three photos with captions, on another machine."""
    folder = tmp_path / "clip"
    write_part(
        folder, ["/d/a/red.jpg", "/d/b.jpg"], [RED, LIME], number="00", captions=["red", "lime"], texts=[RED, LIME]
    )
    return write_part(folder, ["/d/a/c.jpg"], [BLUE], number="01", captions=["a blue sea"], texts=[BLUE])
