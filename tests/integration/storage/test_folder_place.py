"""A folder as a place: listed, read, written whole, and its errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import StorageError
from indexer.storage import MissingFileError, open_place
from indexer.storage.ahead import map_ahead


def test_a_file_is_written_with_its_folders_and_read_whole_or_in_part(tmp_path: Path) -> None:
    place = open_place(tmp_path / "new")
    place.write("a/b.bin", b"0123456789")
    assert place.read("a/b.bin") == b"0123456789"
    assert place.read("a/b.bin", start=2, size=3) == b"234"
    assert place.read("a/b.bin", start=20) == b""
    assert place.exists("a/b.bin")
    assert not place.exists("a")
    info = place.info("a/b.bin")
    assert info is not None
    assert info.size == 10
    assert [file.name for file in (tmp_path / "new" / "a").iterdir()] == ["b.bin"]  # no temporary file is left


def test_files_are_listed_in_the_byte_order_of_their_paths(tmp_path: Path) -> None:
    place = open_place(tmp_path)
    for name in ("a/z", "a.txt", "a-b/c", "ä", "b"):
        place.write(name, b"x")
    names = [entry.name for entry in place.walk()]
    assert names == sorted(names, key=str.encode)
    assert len(names) == 5
    assert [entry.name for entry in place.entries()] == ["a-b", "a.txt", "a", "b", "ä"]


def test_what_is_not_there_is_empty_and_can_be_deleted(tmp_path: Path) -> None:
    place = open_place(tmp_path / "none")
    assert place.entries() == []
    assert place.info("x") is None
    place.delete("x")
    with pytest.raises(MissingFileError, match="none/x is not there"):
        place.read("x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(StorageError, match="locked cannot be read"):
        open_place(tmp_path / "locked").entries()


def test_a_file_in_place_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file/a cannot be written"):
        open_place(tmp_path / "file").write("a", b"")


def test_calls_ahead_keep_the_order_and_raise_the_first_error() -> None:
    assert list(map_ahead(lambda number: number * number, range(50), threads=4)) == [(n, n * n) for n in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(map_ahead(lambda number: 1 // (5 - number), range(50), threads=4))
