"""Which items hold what a file holds, asked for many files of one content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.catalog.statements.sync_state import FileRecord
from indexer.sync import content_lookup as module
from indexer.sync.content_lookup import MIN_CACHED, ContentLookup, is_missing
from indexer.sync.walk_entries import SourceFile
from retrieval import Library
from tests.support.color_photos import paint


@pytest.fixture
def files(library: Library, folder: Path) -> list[SourceFile]:
    """Return new files: twelve of one indexed content, one of another, one of none."""
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        paint(folder / "known" / name, colour)
    for number in range(MIN_CACHED):
        shutil.copy(folder / "known" / "a.png", folder / "known" / f"a{number}.png")
    library.sync(folder / "known")
    new = [folder / f"{number:02}.png" for number in range(12)]
    for path in new:
        shutil.copy(folder / "known" / "a.png", path)
    shutil.copy(folder / "known" / "b.png", folder / "b.png")
    paint(folder / "c.png", "lime")
    return [SourceFile(str(path), path.stat().st_size, 1) for path in (*new, folder / "b.png", folder / "c.png")]


def test_many_items_of_one_content_are_read_once(library: Library, files: list[SourceFile]) -> None:
    with library._store.reading() as connection:
        twins = ContentLookup(connection)
        first, second = twins(files[:6]), twins(files[6:])
    assert [item.path.rpartition("/")[2] for item in first[0]] == ["a.png", *(f"a{n}.png" for n in range(MIN_CACHED))]
    assert all(each is first[0] for each in (*first, *second[:6]))  # the very list, so that none is looked at again
    assert [[item.path.rpartition("/")[2] for item in each] for each in second[6:]] == [["b.png"], []]


def test_no_more_are_kept_than_memory_is_meant_for(
    library: Library, files: list[SourceFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Path(files[0].path).parent / "known"
    for number in range(MIN_CACHED):  # of the other content there are as many now
        shutil.copy(known / "b.png", known / f"b{number}.png")
    library.sync(known)
    monkeypatch.setattr(module, "MAX_CACHED", MIN_CACHED + 5)
    with library._store.reading() as connection:
        twins = ContentLookup(connection)
        (red,), (blue,) = twins(files[:1]), twins(files[12:13])
        assert (len(red), len(blue), twins._cached_count) == (
            MIN_CACHED + 1,
            MIN_CACHED + 1,
            MIN_CACHED + 1,
        )  # one of them is kept
        assert twins(files[12:13])[0] is blue
        assert twins(files[:1]) == [red]
        assert twins(files[:1])[0] is not red  # it was read again


def test_the_same_bytes_as_a_text_are_another_content(library: Library, files: list[SourceFile]) -> None:
    text = files[0].path.replace("00.png", "00.txt")
    shutil.copy(files[0].path, text)
    with library._store.reading() as connection:
        assert ContentLookup(connection)([SourceFile(text, files[0].size, 1)]) == [[]]


@pytest.mark.parametrize(
    ("error", "gone"),
    [(FileNotFoundError(), True), (NotADirectoryError(), True), (PermissionError(), False), (OSError(5, "I/O"), False)],
)
def test_a_file_that_may_not_be_looked_at_has_not_left_its_place(
    error: OSError, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looking(_: str) -> None:
        raise error

    monkeypatch.setattr("os.lstat", looking)
    assert is_missing(FileRecord(1, "/photos/a.jpg", 1, 1, None)) is gone
