"""The words of names follow files and folders through syncs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from indexer.catalog.schema import ITEM_WORDS
from retrieval import Library
from tests.support.color_photos import paint


def words_in(library: Library) -> list[str]:
    """Return the words of all items of a library."""
    with library._store.reading() as connection:
        return sorted(" ".join(words.split()) for words in connection.scalars(select(ITEM_WORDS.c.words)))


@pytest.mark.parametrize("name", ["Oslo", "sub/Oslo"])
def test_a_renamed_folder_renames_its_photos(library: Library, folder: Path, name: str) -> None:
    paint(folder / "Rome" / "red.png", "red")
    library.sync(folder)
    assert words_in(library) == ["red png rome"]
    (folder / "sub").mkdir()
    (folder / "Rome").rename(folder / name)
    library.sync(folder)
    assert words_in(library) == [f"red png {name.lower().replace('/', ' ')}"]


def test_a_file_that_cannot_be_indexed_has_words_but_is_not_found(library: Library, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    paint(folder / "red.png", "red")
    library.sync(folder)
    assert words_in(library) == ["broken png", "red png"]
    assert [hit.path.name for hit in library.search("broken", k=5)] == ["red.png"]
