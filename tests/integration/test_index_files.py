"""Index files: replaced atomically, and discarded when in doubt."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.vectors import index_file as index_files
from indexer.vectors import new_index, read_index
from indexer.vectors.faiss_flat import FaissIndex
from indexer.vectors.index_file import StaleIndexError, read_footer, write_index
from indexer.vectors.numpy_flat import NumpyIndex
from tests.support.indexes import FINGERPRINT, index_file, index_of
from tests.support.vectors import HALVES, ids, unit_vectors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return an index file with 16 vectors and the watermark 170."""
    return index_file(tmp_path)


@pytest.mark.parametrize("kind", [NumpyIndex, FaissIndex])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_a_saved_index_gives_the_same_results(tmp_path: Path, kind: type[NumpyIndex | FaissIndex], n: int) -> None:
    index = kind(32)
    index.add(np.arange(n, dtype=np.int64) * 2, unit_vectors(n, 32))
    index.remove(ids(2, 4))
    write_index(index, tmp_path / "file", fingerprint=FINGERPRINT, watermark=7)
    with (tmp_path / "file").open("rb") as file:
        footer = read_footer(file, kind=kind.__name__, fingerprint=FINGERPRINT)
        loaded = kind.load(file)  # ignores the footer
    queries = unit_vectors(3, 32, seed=5)
    assert (footer.watermark, loaded.dim) == (7, 32)
    assert loaded.ids.tolist() == index.ids.tolist()
    for left, right in zip(loaded.search(queries, 10), index.search(queries, 10), strict=True):
        np.testing.assert_array_equal(left, right)


def test_reading_a_file_returns_its_watermark(path: Path) -> None:
    index, watermark = read_index(path, fingerprint=FINGERPRINT)
    assert (len(index), watermark) == (16, 170)
    assert index.search(HALVES[:1], 1).ids.tolist() == [[10]]


def test_a_new_index_replaces_the_old_file(path: Path) -> None:
    write_index(index_of(ids(1), HALVES[:1]), path, fingerprint=FINGERPRINT, watermark=2**40)
    index, watermark = read_index(path, fingerprint=FINGERPRINT)
    assert (len(index), watermark) == (1, 2**40)
    assert os.listdir(path.parent) == [path.name]  # there is no other file


def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError, match="none is missing"):
        read_index(tmp_path / "none", fingerprint=FINGERPRINT)


def test_a_folder_in_place_of_the_file_is_stale(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError):
        read_index(tmp_path, fingerprint=FINGERPRINT)


def test_a_file_truncated_at_any_byte_is_stale(path: Path) -> None:
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(StaleIndexError):
            read_index(path, fingerprint=FINGERPRINT)


def test_a_file_with_additional_bytes_is_stale(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(StaleIndexError):
        read_index(path, fingerprint=FINGERPRINT)


def test_a_file_with_any_byte_changed_is_stale(path: Path) -> None:
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(StaleIndexError):
            read_index(path, fingerprint=FINGERPRINT)
    path.write_bytes(content)
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 170  # the unchanged file can be read


def test_a_file_of_the_first_version_is_stale(tmp_path: Path) -> None:
    import faiss

    index = faiss.IndexIDMap(faiss.IndexFlatIP(4))
    index.add_with_ids(HALVES, np.arange(16, dtype=np.int64))
    faiss.write_index(index, str(tmp_path / "file"))
    body = (tmp_path / "file").read_bytes()
    footer = {"kind": "FaissIndex", "fingerprint": FINGERPRINT, "watermark": 16, "checksum": zlib.crc32(body)}
    raw = json.dumps(footer).encode()
    (tmp_path / "file").write_bytes(body + raw + index_files.TRAILER.pack(len(raw), zlib.crc32(raw), b"RECALL1\n"))
    with pytest.raises(StaleIndexError, match="the footer is missing or of another version"):
        read_index(tmp_path / "file", fingerprint=FINGERPRINT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 16,
        b"\0" * 5000,
        b"RECALL1\n",
        b"\xff" * 64,
        b"[]" + index_files.TRAILER.pack(2, 0, index_files.MAGIC),
    ],
)
def test_a_file_that_is_not_an_index_is_stale(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StaleIndexError):
        read_index(tmp_path / "file", fingerprint=FINGERPRINT)


def test_the_file_of_another_encoder_is_stale(path: Path) -> None:
    with pytest.raises(StaleIndexError, match="another kind or encoder"):
        read_index(path, fingerprint="e" * 40)


def test_the_file_of_another_kind_is_stale(tmp_path: Path) -> None:
    write_index(NumpyIndex(4), tmp_path / "file", fingerprint=FINGERPRINT, watermark=1)
    with pytest.raises(StaleIndexError, match="another kind or encoder"):
        read_index(tmp_path / "file", fingerprint=FINGERPRINT)


def test_a_file_that_faiss_cannot_read_is_stale(tmp_path: Path) -> None:
    class FaissIndex(NumpyIndex):  # writes another format under the expected name
        pass

    write_index(FaissIndex(4), tmp_path / "file", fingerprint=FINGERPRINT, watermark=1)
    with pytest.raises(StaleIndexError, match=r"file: .*faiss"):
        read_index(tmp_path / "file", fingerprint=FINGERPRINT)


def test_another_type_of_faiss_index_is_stale(tmp_path: Path) -> None:
    import faiss

    class FaissIndex(NumpyIndex):
        def save(self, path: Path) -> None:
            faiss.write_index(faiss.IndexFlatIP(4), str(path))

    write_index(FaissIndex(4), tmp_path / "file", fingerprint=FINGERPRINT, watermark=1)
    with pytest.raises(StaleIndexError, match="holds a IndexFlatIP"):
        read_index(tmp_path / "file", fingerprint=FINGERPRINT)


def disk_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "fail",
    [
        lambda patch: patch.setattr(FaissIndex, "save", disk_full),
        lambda patch: patch.setattr(os, "fsync", disk_full),
        lambda patch: patch.setattr(Path, "replace", disk_full),
    ],
    ids=["while writing", "while flushing", "while renaming"],
)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch], None]
) -> None:
    before = path.read_bytes()
    fail(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        write_index(index_of(ids(1), HALVES[:1]), path, fingerprint=FINGERPRINT, watermark=171)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_index(new_index(4), tmp_path / "no such folder" / "file", fingerprint=FINGERPRINT, watermark=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_failed_write_of_faiss_is_an_os_error() -> None:
    index = index_of(np.arange(2000, dtype=np.int64), unit_vectors(2000, 64))  # larger than any buffer
    with pytest.raises(OSError, match="No space left on device"):
        index.save(Path("/dev/full"))


def test_the_remains_of_a_killed_writer_are_in_nobodys_way(path: Path) -> None:
    remains = path.with_name(f"{path.name}.{os.getpid()}.part")
    remains.write_bytes(b"half an index")
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 170
    write_index(new_index(4), path, fingerprint=FINGERPRINT, watermark=171)  # by a process with the same id
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 171
    assert list(path.parent.glob("*.part")) == [remains]  # which the next writer of the library deletes


def test_the_folder_name_need_not_be_valid_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9.recall")
    folder.mkdir()
    write_index(index_of(ids(1), HALVES[:1]), folder / "file", fingerprint=FINGERPRINT, watermark=1)
    index, _ = read_index(folder / "file", fingerprint=FINGERPRINT)
    assert index.ids.tolist() == [1]


@pytest.mark.parametrize("length", [1, 8, 100, 1000])
def test_bytes_that_rot_while_the_time_of_the_file_stays_are_noticed(path: Path, length: int) -> None:
    content = bytearray(path.read_bytes())
    status = path.stat()
    for start in range(64, len(content) - 700 - length, 331):
        rotten = bytearray(content)
        rotten[start : start + length] = bytes(byte ^ 0x55 for byte in content[start : start + length])
        path.write_bytes(rotten)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(StaleIndexError):
            read_index(path, fingerprint=FINGERPRINT)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert read_index(path, fingerprint=FINGERPRINT)[1] == 170
