"""What goes wrong during a sync: a full disk, a stop, vectors that are none. What was committed stays."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from indexer.errors import NoPhotosError, StorageError
from retrieval import Library, Progress
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


def test_batches_are_committed_one_at_a_time(library: Library, folder: Path) -> None:
    paint_many(folder, 10)
    seen = []

    def note(progress: Progress) -> None:
        if progress.stage == "indexing":
            seen.append((progress.done, count(library.path, "embeddings")))

    library.sync(folder, progress=note)
    assert seen == [(0, 0), (4, 4), (8, 8), (10, 10)]


def test_an_encoder_that_fails_in_the_middle_loses_only_its_batch(tmp_path: Path, folder: Path) -> None:
    paint_many(folder, 12)
    done: list[int] = []

    def fail_third(_: int) -> None:
        done.append(1)
        if len(done) == 3:
            raise RuntimeError("out of memory")

    path = tmp_path / "test.recall"
    with (
        Library.open(path, encoder=FakeEncoder(before_images=fail_third)) as library,
        pytest.raises(RuntimeError, match="out of memory"),
    ):
        library.sync(folder)
    assert count(path, "embeddings") == 8
    encoder = FakeEncoder()
    with Library.open(path, encoder=encoder) as library:
        assert library.sync(folder).added == 4
        assert library.check() == []
    assert encoder.pictures == [4]


def test_a_vector_that_is_not_finite_is_a_failure_of_its_photo_alone(tmp_path: Path, folder: Path) -> None:
    for colour in ("red", "lime", "blue"):
        paint(folder / f"{colour}.png", colour)
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder(unusable=((0, 255, 0),))) as library:
        report = library.sync(folder)
        assert (report.added, report.failed) == (2, 1)
        (failure,) = library.failures()
        assert (Path(failure.path).name, failure.kind) == ("lime.png", "encoder")
        assert len(library.search("red", k=9)) == 2
        assert library.check() == []
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder()) as library:  # mended: it is tried again
        assert library.sync(folder).changed == 1
        assert library.failures() == []


@pytest.mark.parametrize("wrong", [0.0, 2.0, math.inf, math.nan])
def test_vectors_of_another_length_than_one_are_never_stored(
    library: Library, folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    paint_many(folder, 3)
    monkeypatch.setattr(
        FakeEncoder, "encode_images", lambda _, pixels: np.full((len(pixels), 3), wrong, dtype=np.float32)
    )
    with pytest.raises(NoPhotosError, match=r"none of the 3 pictures .* the encoder returns no usable vector for it"):
        library.sync(folder)
    assert count(library.path, "embeddings") == 0
    assert len(library.failures()) == 3


def test_a_full_catalog_is_one_error_and_the_next_run_finishes(tmp_path: Path, folder: Path) -> None:
    paint_many(folder, 400)
    path = tmp_path / "test.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        (pages,) = rows(path, "PRAGMA page_count")[0]

        @event.listens_for(library._store._engine, "connect")
        def _limit(connection: object, _: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages + 12}")  # type: ignore[attr-defined]

        library._store._engine.dispose()
        with pytest.raises(StorageError, match="is full; committed work is safe; free some space and run the comm"):
            library.sync(folder)
        held = contents(path)
        assert 0 < len(held) < 400
        assert len(library.search("red", k=1000)) == len(held)
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert library.sync(folder).unchanged == len(held)
        assert set(held) <= set(contents(path))
        assert len(contents(path)) == 400
        assert library.check() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is a disk of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("a disk of 16 MB cannot be mounted here: that needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_full_disk_is_one_error_and_the_next_run_finishes(small_disk: Path, folder: Path) -> None:
    paint_many(folder, 300)
    path = small_disk / "test.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast.write_bytes(bytes(free - 160 * 1024))
        with pytest.raises(StorageError, match="is full; committed work is safe"):
            library.sync(folder)
    held = contents(path)
    assert len(held) < 300
    ballast.unlink()
    with Library.open(path, encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert (report.unchanged, report.added) == (len(held), 300 - len(held))
        assert set(held) <= set(contents(path))
        assert library.check() == []


def fill(ballast: Path) -> None:
    """Take all the room that a disk has left."""
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_disk_that_fills_up_under_a_library_keeps_it_from_nothing_but_writing(small_disk: Path, folder: Path) -> None:
    paint_many(folder, 50)
    path, ballast = small_disk / "test.recall", small_disk / "ballast"
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
        fill(ballast)
        assert len(library.search("red", k=100)) == 50
        paint(folder / "new.png", "red")
        with pytest.raises(StorageError, match="is full; committed work is safe"):
            library.sync(folder)
        assert len(library.search("red", k=100)) == 50
    ballast.unlink()
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert library.sync(folder).added == 1
        assert library.check() == []


def test_a_library_on_a_disk_without_a_free_byte_says_so(small_disk: Path, folder: Path) -> None:
    paint_many(folder, 50)
    path, ballast = small_disk / "test.recall", small_disk / "ballast"
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
    fill(ballast)
    with pytest.raises(StorageError, match="is full; committed work is safe"):
        Library.open(path, encoder=FakeEncoder())  # SQLite makes small files even to read
    ballast.unlink()
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert len(library.search("red", k=100)) == 50


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process by a signal")
def test_ctrl_c_stops_with_a_message_and_the_next_run_goes_on(
    recall_program: Program, folder: Path, tmp_path: Path
) -> None:
    paint_many(folder, 3000)
    path = tmp_path / "test.recall"
    paint(tmp_path / "first" / "a.png", "red")
    with Library.open(path, encoder=FakeEncoder()) as library:  # so that the program needs no encoder before the stop
        library.sync(tmp_path / "first")
    (folder / "0000.jpg").write_bytes(b"no picture")  # all bad at first: no photo comes, so no encoder is loaded
    for picture in folder.rglob("*.png"):
        picture.write_bytes(picture.read_bytes()[:40])
    process = recall_program.start("index", folder)
    end = time.monotonic() + 60
    while not rows(path, "SELECT count(*) FROM items WHERE failure IS NOT NULL")[0][0]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to the decoders, too
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "recall: stopped; what was done is kept; run the same command again to continue\n"
    assert out == ""
    kept = rows(path, "SELECT count(*) FROM items WHERE failure IS NOT NULL")[0][0]
    assert 0 < kept < 3001
    for picture in list(folder.rglob("*.png")):
        picture.unlink()
    paint_many(folder, 5)
    for picture in folder.rglob("*.png"):
        advance_mtime(picture)
    with Library.open(path, encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert report.added + report.changed == 5
        assert library.check() == []
