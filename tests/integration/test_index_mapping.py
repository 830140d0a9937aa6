"""Index files that are opened without being read: when they are trusted, and how mapped indexes behave."""

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
from tests.support.indexes import FINGERPRINT, index_file, index_of
from tests.support.vectors import HALVES, ids


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return an index file with 16 vectors and the watermark 170."""
    return index_file(tmp_path)


def test_an_unchanged_file_is_opened_without_reading_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "_checksum", lambda *_: pytest.fail("the file was read"))
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 170


def test_a_file_gets_a_past_time_that_every_file_system_can_store(path: Path) -> None:
    written = path.stat().st_mtime_ns
    assert written % 2_000_000_000 == 0  # FAT stores every other second
    assert 1 < (time.time_ns() - written) / 1e9 < 3600  # a write within the same two seconds changes it


def test_a_copied_file_is_read_once_and_then_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = path.stat().st_mtime_ns
    shutil.copy(path, path.with_name("copy"))  # gets a new time
    assert read_index(path.with_name("copy"), fingerprint=FINGERPRINT)[1] == 170
    assert path.with_name("copy").stat().st_mtime_ns == written
    monkeypatch.setattr(index_files, "_checksum", lambda *_: pytest.fail("the file was read again"))
    assert read_index(path.with_name("copy"), fingerprint=FINGERPRINT)[1] == 170


def test_a_copy_whose_time_cannot_be_set_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(path)

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", fail)
    monkeypatch.setattr(os, "supports_fd", {fail})
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 170


def test_verify_finds_damage_that_the_modification_time_does_not_show(path: Path) -> None:
    content, status = path.read_bytes(), path.stat()
    path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(StaleIndexError, match="the checksum does not match"):
        read_index(path, fingerprint=FINGERPRINT, verify=True)


def test_a_mapped_index_still_searches_its_file_after_a_replacement(path: Path) -> None:
    index, _ = read_index(path, fingerprint=FINGERPRINT)
    write_index(index_of(ids(1), HALVES[5:6]), path, fingerprint=FINGERPRINT, watermark=171)
    path.unlink()
    assert index.search(HALVES[:1], 1).ids.tolist() == [[10]]
    assert index.vectors(ids(20)).tolist() == [HALVES[1].tolist()]


def test_changes_of_a_mapped_index_do_not_reach_its_file(path: Path) -> None:
    before = path.read_bytes()
    index, _ = read_index(path, fingerprint=FINGERPRINT)
    assert index.remove(ids(20, 999)) == 1
    index.add(ids(170), HALVES[:1])
    other, _ = read_index(path, fingerprint=FINGERPRINT)
    other.add(ids(171), HALVES[:1])
    assert index.search(HALVES[:1], 3).ids.tolist() == [[10, 170, 30]]
    assert other.search(HALVES[:1], 3).ids.tolist() == [[10, 171, 20]]
    assert path.read_bytes() == before
    write_index(index, path, fingerprint=FINGERPRINT, watermark=171)
    loaded, _ = read_index(path, fingerprint=FINGERPRINT)
    assert loaded.ids.tolist() == [10, *range(30, 170, 10), 170]


def test_a_mapped_index_is_copied_in_blocks_without_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_flat, "_COPY_BLOCK", 5)
    index, _ = read_index(path, fingerprint=FINGERPRINT)
    index.add(ids(170), HALVES[:1])
    assert index.half_vectors(ids(*range(10, 170, 10))).tolist() == HALVES.tolist()
    assert index.ids.tolist() == list(range(10, 180, 10))


def test_a_file_that_cannot_be_mapped_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    read = faiss.read_index

    def unmapped(source: Any, *flags: int) -> object:
        if flags:
            raise RuntimeError("no mapping here")
        return read(source)

    monkeypatch.setattr(faiss, "read_index", unmapped)
    index, watermark = read_index(path, fingerprint=FINGERPRINT)
    index.add(ids(170), HALVES[:1])
    assert (watermark, index.search(HALVES[:1], 2).ids.tolist()) == (170, [[10, 170]])
