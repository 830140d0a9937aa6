"""The items with the content of a file, looked up for many files with one content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.catalog.statements.sync_state import FileRecord
from indexer.sync import content_lookup
from indexer.sync.content_lookup import MIN_CACHED, ContentLookup, is_missing
from indexer.sync.walk_entries import SourceFile
from retrieval import Library
from tests.support.color_photos import paint


@pytest.fixture
def files(library: Library, folder: Path) -> list[SourceFile]:
    """Return new files: twelve with one indexed content, one with another, one with new content."""
    for name, color in (("a.png", "red"), ("b.png", "blue")):
        paint(folder / "indexed" / name, color)
    for number in range(MIN_CACHED):
        shutil.copy(folder / "indexed" / "a.png", folder / "indexed" / f"a{number}.png")
    library.sync(folder / "indexed")
    new = [folder / f"{number:02}.png" for number in range(12)]
    for path in new:
        shutil.copy(folder / "indexed" / "a.png", path)
    shutil.copy(folder / "indexed" / "b.png", folder / "b.png")
    paint(folder / "c.png", "lime")
    return [SourceFile(str(path), path.stat().st_size, 1) for path in (*new, folder / "b.png", folder / "c.png")]


def test_many_items_with_one_content_are_read_once(library: Library, files: list[SourceFile]) -> None:
    with library._store.reading() as connection:
        lookup = ContentLookup(connection)
        first, second = lookup(files[:6]), lookup(files[6:])
    assert [item.path.rpartition("/")[2] for item in first[0]] == ["a.png", *(f"a{n}.png" for n in range(MIN_CACHED))]
    assert all(items is first[0] for items in (*first, *second[:6]))  # the same list object, from the cache
    assert [[item.path.rpartition("/")[2] for item in items] for items in second[6:]] == [["b.png"], []]


def test_the_number_of_cached_items_is_bounded(
    library: Library, files: list[SourceFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed = Path(files[0].path).parent / "indexed"
    for number in range(MIN_CACHED):  # as many items with the other content
        shutil.copy(indexed / "b.png", indexed / f"b{number}.png")
    library.sync(indexed)
    monkeypatch.setattr(content_lookup, "MAX_CACHED", MIN_CACHED + 5)
    with library._store.reading() as connection:
        lookup = ContentLookup(connection)
        (red,), (blue,) = lookup(files[:1]), lookup(files[12:13])
        assert (len(red), len(blue), lookup._cached_count) == (
            MIN_CACHED + 1,
            MIN_CACHED + 1,
            MIN_CACHED + 1,
        )  # one of the lists is cached
        assert lookup(files[12:13])[0] is blue
        assert lookup(files[:1]) == [red]
        assert lookup(files[:1])[0] is not red  # read again


def test_items_of_another_format_are_not_returned(library: Library, files: list[SourceFile]) -> None:
    text = files[0].path.replace("00.png", "00.txt")
    shutil.copy(files[0].path, text)
    with library._store.reading() as connection:
        assert ContentLookup(connection)([SourceFile(text, files[0].size, 1)]) == [[]]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(FileNotFoundError(), True), (NotADirectoryError(), True), (PermissionError(), False), (OSError(5, "I/O"), False)],
)
def test_a_file_that_cannot_be_accessed_is_not_missing(
    error: OSError, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lstat(_: str) -> None:
        raise error

    monkeypatch.setattr("os.lstat", lstat)
    assert is_missing(FileRecord(1, "/photos/a.jpg", 1, 1, None)) is expected
