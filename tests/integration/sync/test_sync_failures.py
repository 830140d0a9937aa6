"""A sync that fails: a full disk, Ctrl-C, invalid vectors. Earlier commits are kept."""

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

from indexer.catalog.sqlite.database import SqliteDatabase
from indexer.errors import NoPhotosError, StorageError
from retrieval import Library, Progress
from tests.support.color_photos import advance_mtime, paint, paint_many
from tests.support.contents import Place, contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


def test_batches_are_committed_one_by_one(library: Library, folder: Path) -> None:
    paint_many(folder, 10)
    reports = []

    def record(progress: Progress) -> None:
        if progress.stage == "indexing":
            reports.append((progress.done, count(library, "embeddings")))

    library.sync(folder, progress=record)
    assert reports == [(0, 0), (4, 4), (8, 8), (10, 10)]


def test_an_encoder_that_fails_loses_only_its_batch(library_place: Place, folder: Path) -> None:
    paint_many(folder, 12)
    batches: list[int] = []

    def fail_third(size: int) -> None:
        batches.append(size)
        if len(batches) == 3:
            raise RuntimeError("out of memory")

    path = library_place
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


def test_a_vector_that_is_not_finite_is_a_failure_of_its_photo_only(library_place: Place, folder: Path) -> None:
    for color in ("red", "lime", "blue"):
        paint(folder / f"{color}.png", color)
    with Library.open(library_place, encoder=FakeEncoder(unusable=((0, 255, 0),))) as library:
        report = library.sync(folder)
        assert (report.added, report.failed) == (2, 1)
        (failure,) = library.failures()
        assert (Path(failure.path).name, failure.kind) == ("lime.png", "encoder")
        assert len(library.search("red", k=9)) == 2
        assert library.check() == []
    with Library.open(library_place, encoder=FakeEncoder()) as library:  # it is retried
        assert library.sync(folder).changed == 1
        assert library.failures() == []


@pytest.mark.parametrize("value", [0.0, 2.0, math.inf, math.nan])
def test_vectors_that_are_not_unit_vectors_are_not_stored(
    library: Library, folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    paint_many(folder, 3)
    monkeypatch.setattr(
        FakeEncoder, "encode_images", lambda _, pixels: np.full((len(pixels), 3), value, dtype=np.float32)
    )
    with pytest.raises(
        NoPhotosError, match=r"no picture .* \(3 tried\), .* the encoder returns no usable vector for it"
    ):
        library.sync(folder)
    assert count(library, "embeddings") == 0
    assert len(library.failures()) == 3


@pytest.mark.folder
def test_a_full_catalog_is_an_error_and_the_next_run_finishes(library_place: Place, folder: Path) -> None:
    paint_many(folder, 400)
    path = library_place
    with Library.open(path, encoder=FakeEncoder()) as library:
        (pages,) = rows(path, "PRAGMA page_count")[0]

        database = library._store.database
        assert isinstance(database, SqliteDatabase)
        with database.using() as engine:

            @event.listens_for(engine, "connect")
            def _limit(connection: object, _: object) -> None:
                connection.execute(f"PRAGMA max_page_count = {pages + 12}")  # type: ignore[attr-defined]

            engine.dispose()
        with pytest.raises(StorageError, match="is full; committed work is safe; free some space and run the comm"):
            library.sync(folder)
        committed = contents(path)
        assert 0 < len(committed) < 400
        assert len(library.search("red", k=1000)) == len(committed)
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert library.sync(folder).unchanged == len(committed)
        assert set(committed) <= set(contents(path))
        assert len(contents(path)) == 400
        assert library.check() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the mount point of a disk of 16 MB."""
    mount_point = tmp_path / "disk"
    mount_point.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", mount_point], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting a disk needs root")
    yield mount_point
    subprocess.run(["umount", "-l", mount_point], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_full_disk_is_an_error_and_the_next_run_finishes(small_disk: Path, folder: Path) -> None:
    paint_many(folder, 300)
    path = small_disk / "test.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast.write_bytes(bytes(free - 160 * 1024))
        with pytest.raises(StorageError, match="is full; committed work is safe"):
            library.sync(folder)
    committed = contents(path)
    assert len(committed) < 300
    ballast.unlink()
    with Library.open(path, encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert (report.unchanged, report.added) == (len(committed), 300 - len(committed))
        assert set(committed) <= set(contents(path))
        assert library.check() == []


def fill(ballast: Path) -> None:
    """Fill a disk with a file."""
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_library_on_a_full_disk_can_be_searched_but_not_written(small_disk: Path, folder: Path) -> None:
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


def test_opening_a_library_on_a_completely_full_disk_is_an_error(small_disk: Path, folder: Path) -> None:
    paint_many(folder, 50)
    path, ballast = small_disk / "test.recall", small_disk / "ballast"
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
    fill(ballast)
    with pytest.raises(StorageError, match="is full; committed work is safe"):
        Library.open(path, encoder=FakeEncoder())  # SQLite creates small files even for reading
    ballast.unlink()
    with Library.open(path, encoder=FakeEncoder()) as library:
        assert len(library.search("red", k=100)) == 50


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_stops_with_a_message_and_the_next_run_continues(
    recall_program: Program, folder: Path, tmp_path: Path, library_place: Place
) -> None:
    paint_many(folder, 3000)
    path = library_place
    paint(tmp_path / "first" / "a.png", "red")
    with Library.open(path, encoder=FakeEncoder()) as library:  # binds the encoder, so that the program loads none
        library.sync(tmp_path / "first")
    (folder / "0000.jpg").write_bytes(b"not a picture")  # no picture can be read, so no encoder is loaded
    for picture in folder.rglob("*.png"):
        picture.write_bytes(picture.read_bytes()[:40])
    process = recall_program.start("index", folder)
    end = time.monotonic() + 60
    while not rows(path, "SELECT count(*) FROM items WHERE failure IS NOT NULL")[0][0]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # also to the decoders, as a terminal does
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "recall: stopped; what was done is kept; run the same command again to continue\n"
    assert out == ""
    failed = rows(path, "SELECT count(*) FROM items WHERE failure IS NOT NULL")[0][0]
    assert 0 < failed < 3001
    for picture in list(folder.rglob("*.png")):
        picture.unlink()
    paint_many(folder, 5)
    for picture in folder.rglob("*.png"):
        advance_mtime(picture)
    with Library.open(path, encoder=FakeEncoder()) as library:
        report = library.sync(folder)
        assert report.added + report.changed == 5
        assert library.check() == []
