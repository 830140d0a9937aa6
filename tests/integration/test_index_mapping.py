"""Index files that are opened without being read: when they are trusted, and what a mapped one may do."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from indexer.vectors import faiss_flat, read_index
from indexer.vectors import index_file as index_files
from indexer.vectors.index_file import StaleIndexError, write_index
from tests.support.indexes import MINE, index_file, index_of
from tests.support.vectors import HALVES, ids


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of an index of 16 vectors, written up to embedding 170."""
    return index_file(tmp_path)


def test_a_file_that_nobody_wrote_to_is_not_read_when_it_is_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "_checksum", lambda *_: pytest.fail("it was read"))
    assert read_index(path, fingerprint=MINE)[1] == 170


def test_a_file_is_given_a_time_that_has_passed_and_that_every_file_system_keeps(path: Path) -> None:
    written = path.stat().st_mtime_ns
    assert written % 2_000_000_000 == 0  # FAT keeps every other second
    assert 1 < (time.time_ns() - written) / 1e9 < 3600  # a write in the same two seconds gives it another


def test_a_copied_file_is_checked_once_and_is_then_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = path.stat().st_mtime_ns
    shutil.copy(path, path.with_name("copy"))  # has a time of its own
    assert read_index(path.with_name("copy"), fingerprint=MINE)[1] == 170
    assert path.with_name("copy").stat().st_mtime_ns == written
    monkeypatch.setattr(index_files, "_checksum", lambda *_: pytest.fail("it was read again"))
    assert read_index(path.with_name("copy"), fingerprint=MINE)[1] == 170


def test_a_copy_whose_time_cannot_be_set_is_used_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(path)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(os, "supports_fd", {refused})
    assert read_index(path, fingerprint=MINE)[1] == 170


def test_what_the_disk_changed_behind_the_files_time_is_found_when_every_byte_is_checked(path: Path) -> None:
    whole, facts = path.read_bytes(), path.stat()
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(StaleIndexError, match="the checksum does not match"):
        read_index(path, fingerprint=MINE, verify=True)


def test_a_mapped_index_answers_from_its_file_after_another_took_its_place(path: Path) -> None:
    index, _ = read_index(path, fingerprint=MINE)
    write_index(index_of(ids(1), HALVES[5:6]), path, fingerprint=MINE, watermark=171)
    path.unlink()
    assert index.search(HALVES[:1], 1).ids.tolist() == [[10]]
    assert index.vectors(ids(20)).tolist() == [HALVES[1].tolist()]


def test_a_mapped_index_is_changed_in_memory_and_its_file_is_not(path: Path) -> None:
    before = path.read_bytes()
    index, _ = read_index(path, fingerprint=MINE)
    assert index.remove(ids(20, 999)) == 1
    index.add(ids(170), HALVES[:1])
    other, _ = read_index(path, fingerprint=MINE)
    other.add(ids(171), HALVES[:1])
    assert index.search(HALVES[:1], 3).ids.tolist() == [[10, 170, 30]]
    assert other.search(HALVES[:1], 3).ids.tolist() == [[10, 171, 20]]
    assert path.read_bytes() == before
    write_index(index, path, fingerprint=MINE, watermark=171)
    again, _ = read_index(path, fingerprint=MINE)
    assert again.ids.tolist() == [10, *range(30, 170, 10), 170]


def test_more_rows_than_are_copied_at_once_are_owned_as_they_were(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_flat, "_COPY_BLOCK", 5)
    index, _ = read_index(path, fingerprint=MINE)
    index.add(ids(170), HALVES[:1])
    assert index.half_vectors(ids(*range(10, 170, 10))).tolist() == HALVES.tolist()
    assert index.ids.tolist() == list(range(10, 180, 10))


def test_where_a_file_cannot_be_mapped_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    read = faiss.read_index

    def unmapped(source: Any, *flags: int) -> object:
        if flags:
            raise RuntimeError("no mapping here")
        return read(source)

    monkeypatch.setattr(faiss, "read_index", unmapped)
    index, watermark = read_index(path, fingerprint=MINE)
    index.add(ids(170), HALVES[:1])
    assert (watermark, index.search(HALVES[:1], 2).ids.tolist()) == (170, [[10, 170]])
