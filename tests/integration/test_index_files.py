"""Index files: written in one step, and thrown away at the slightest doubt."""

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
from tests.support.indexes import MINE, index_file, index_of
from tests.support.vectors import HALVES, ids, unit_vectors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of an index of 16 vectors, written up to embedding 170."""
    return index_file(tmp_path)


@pytest.mark.parametrize("kind", [NumpyIndex, FaissIndex])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_what_was_saved_gives_the_same_answers(tmp_path: Path, kind: type[NumpyIndex | FaissIndex], n: int) -> None:
    index = kind(32)
    index.add(np.arange(n, dtype=np.int64) * 2, unit_vectors(n, 32))
    index.remove(ids(2, 4))
    write_index(index, tmp_path / "file", fingerprint=MINE, watermark=7)
    with (tmp_path / "file").open("rb") as file:
        label = read_footer(file, kind=kind.__name__, fingerprint=MINE)
        again = kind.load(file)  # the label behind it does no harm
    asked = unit_vectors(3, 32, seed=5)
    assert (label.watermark, again.dim) == (7, 32)
    assert again.ids.tolist() == index.ids.tolist()
    for left, right in zip(again.search(asked, 10), index.search(asked, 10), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_file_is_read_with_its_watermark(path: Path) -> None:
    index, watermark = read_index(path, fingerprint=MINE)
    assert (len(index), watermark) == (16, 170)
    assert index.search(HALVES[:1], 1).ids.tolist() == [[10]]


def test_a_new_index_takes_the_place_of_the_old_file(path: Path) -> None:
    write_index(index_of(ids(1), HALVES[:1]), path, fingerprint=MINE, watermark=2**40)
    index, watermark = read_index(path, fingerprint=MINE)
    assert (len(index), watermark) == (1, 2**40)
    assert os.listdir(path.parent) == [path.name]  # nothing stays beside it


def test_a_file_that_is_not_there_is_stale(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError, match="none is missing"):
        read_index(tmp_path / "none", fingerprint=MINE)


def test_a_folder_in_its_place_is_stale(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError):
        read_index(tmp_path, fingerprint=MINE)


def test_a_file_torn_at_any_byte_is_stale(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StaleIndexError):
            read_index(path, fingerprint=MINE)


def test_a_file_with_more_behind_its_end_is_stale(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(StaleIndexError):
        read_index(path, fingerprint=MINE)


def test_a_file_with_any_byte_changed_is_stale(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(StaleIndexError):
            read_index(path, fingerprint=MINE)
    path.write_bytes(whole)
    assert read_index(path, fingerprint=MINE)[1] == 170  # the file itself was a good one


def test_the_file_of_an_older_recall_is_stale(tmp_path: Path) -> None:
    import faiss

    old = faiss.IndexIDMap(faiss.IndexFlatIP(4))
    old.add_with_ids(HALVES, np.arange(16, dtype=np.int64))
    faiss.write_index(old, str(tmp_path / "file"))
    body = (tmp_path / "file").read_bytes()
    label = {"kind": "FaissIndex", "fingerprint": MINE, "watermark": 16, "checksum": zlib.crc32(body)}
    raw = json.dumps(label).encode()
    (tmp_path / "file").write_bytes(body + raw + index_files.TRAILER.pack(len(raw), zlib.crc32(raw), b"RECALL1\n"))
    with pytest.raises(StaleIndexError, match="the footer is missing or of another version"):
        read_index(tmp_path / "file", fingerprint=MINE)


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
def test_what_never_was_an_index_is_stale(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StaleIndexError):
        read_index(tmp_path / "file", fingerprint=MINE)


def test_the_file_of_another_encoder_is_stale(path: Path) -> None:
    with pytest.raises(StaleIndexError, match="another kind or encoder"):
        read_index(path, fingerprint="e" * 40)


def test_the_file_of_another_kind_is_stale(tmp_path: Path) -> None:
    write_index(NumpyIndex(4), tmp_path / "file", fingerprint=MINE, watermark=1)
    with pytest.raises(StaleIndexError, match="another kind or encoder"):
        read_index(tmp_path / "file", fingerprint=MINE)


def test_a_label_that_fits_around_what_faiss_cannot_read_is_stale(tmp_path: Path) -> None:
    class FaissIndex(NumpyIndex):  # writes another format under the name that is expected
        pass

    write_index(FaissIndex(4), tmp_path / "file", fingerprint=MINE, watermark=1)
    with pytest.raises(StaleIndexError, match=r"file: .*faiss"):
        read_index(tmp_path / "file", fingerprint=MINE)


def test_another_structure_of_faiss_is_stale(tmp_path: Path) -> None:
    import faiss

    class FaissIndex(NumpyIndex):
        def save(self, path: Path) -> None:
            faiss.write_index(faiss.IndexFlatIP(4), str(path))

    write_index(FaissIndex(4), tmp_path / "file", fingerprint=MINE, watermark=1)
    with pytest.raises(StaleIndexError, match="holds a IndexFlatIP"):
        read_index(tmp_path / "file", fingerprint=MINE)


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "break_it",
    [
        lambda patch: patch.setattr(FaissIndex, "save", _full),
        lambda patch: patch.setattr(os, "fsync", _full),
        lambda patch: patch.setattr(Path, "replace", _full),
    ],
    ids=["while writing", "while flushing", "while renaming"],
)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None]
) -> None:
    before = path.read_bytes()
    break_it(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        write_index(index_of(ids(1), HALVES[:1]), path, fingerprint=MINE, watermark=171)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_index(new_index(4), tmp_path / "no such folder" / "file", fingerprint=MINE, watermark=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_faiss_failing_to_write_is_an_os_error() -> None:
    index = index_of(np.arange(2000, dtype=np.int64), unit_vectors(2000, 64))  # larger than any buffer on the way
    with pytest.raises(OSError, match="No space left on device"):
        index.save(Path("/dev/full"))


def test_a_part_left_by_a_killed_writer_disturbs_nobody(path: Path) -> None:
    left = path.with_name(f"{path.name}.{os.getpid()}.part")
    left.write_bytes(b"half an index")
    assert read_index(path, fingerprint=MINE)[1] == 170
    write_index(new_index(4), path, fingerprint=MINE, watermark=171)  # even under its own process number
    assert read_index(path, fingerprint=MINE)[1] == 171
    assert not left.exists()


def test_the_folder_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9.recall")
    folder.mkdir()
    write_index(index_of(ids(1), HALVES[:1]), folder / "file", fingerprint=MINE, watermark=1)
    index, _ = read_index(folder / "file", fingerprint=MINE)
    assert index.ids.tolist() == [1]
