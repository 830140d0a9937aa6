"""A library that is opened for reading only: it answers, and nothing in its folder changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from indexer.errors import LibraryError, StorageError
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder


def contents(folder: Path) -> dict[str, str]:
    """Return a hash of each file in a folder by its name, without SQLite's lock file, which readers use too."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "catalog.db-shm"
    }


def test_searching_and_listing_change_no_file(color_library: Path) -> None:
    before = contents(color_library)
    with Library.open(color_library, encoder=FakeEncoder(), read_only=True) as library:
        assert library.search("red", k=1)[0].path.name == "red.png"
        assert len(library.list()) == library.count() == 3
        assert library.status().photos == 3
    assert contents(color_library) == before


def test_missing_index_is_rebuilt_in_memory_only(color_library: Path) -> None:
    for file in color_library.glob("index-*"):
        file.unlink()
    before = contents(color_library)
    with Library.open(color_library, encoder=FakeEncoder(), read_only=True) as library:
        assert library.search("blue", k=1)[0].path.name == "blue.png"
    assert contents(color_library) == before


def test_what_another_process_adds_is_found(color_library: Path, color_album: Path, tmp_path: Path) -> None:
    paint(tmp_path / "more" / "white.png", "white")
    with Library.open(color_library, encoder=FakeEncoder(), read_only=True) as library:
        assert library.count() == 3
        with Library.open(color_library, encoder=FakeEncoder()) as writer:
            writer.sync(tmp_path / "more")
        assert library.count() == 4
        assert library.search("white", k=1)[0].path.name == "white.png"


@pytest.mark.parametrize("without_logs", [False, True])
def test_a_library_without_its_log_files_is_read_too(color_library: Path, without_logs: bool) -> None:
    if without_logs:
        for file in color_library.glob("catalog.db-*"):
            file.unlink()
    with Library.open(color_library, encoder=FakeEncoder(), read_only=True) as library:
        assert library.search("red", k=1)[0].path.name == "red.png"


def test_methods_that_write_are_refused_and_say_how_to_write(color_library: Path, color_album: Path) -> None:
    before = contents(color_library)
    with Library.open(color_library, encoder=FakeEncoder(), read_only=True) as library:
        for write in (
            lambda: library.sync(color_album),
            lambda: library.judge("red", good=[color_album / "red.png"]),
            lambda: library.learn("Ruby", [color_album / "red.png"]),
            lambda: library.forget(color_album / "red.png"),
        ):
            with pytest.raises(LibraryError, match="was opened for reading only; open it without read_only=True"):
                write()
    assert contents(color_library) == before


def test_missing_library_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="there is no library at"):
        Library.open(tmp_path / "none.recall", read_only=True)
    assert not (tmp_path / "none.recall").exists()


def test_an_earlier_schema_is_not_upgraded(color_library: Path) -> None:
    import sqlite3

    with sqlite3.connect(color_library / "catalog.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r0010'")
    connection.close()
    with pytest.raises(StorageError, match="was written by an earlier version of Recall; upgrade it once"):
        Library.open(color_library, encoder=FakeEncoder(), read_only=True)
