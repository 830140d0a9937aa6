"""`workers=0`: pictures are decoded in threads of this process, for frozen apps and notebooks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.config import Settings
from indexer.errors import FailureKind, PictureError
from indexer.images import Limits, file_reader
from indexer.images.workers import DecodePool, PictureReader, worker
from retrieval import ConfigError, Library
from tests.support.color_photos import paint, paint_many
from tests.support.encoders import TINY, FakeEncoder


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every start of a decoder process fail."""

    def refuse(*_: object, **__: object) -> subprocess.Popen[bytes]:
        raise AssertionError("a process was started")

    monkeypatch.setattr(worker, "_start", refuse)


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let decoders of files named slow wait until the event is set."""
    release = threading.Event()
    read_file = file_reader.read_file

    def read(path: Path, *, limits: Limits) -> bytes:
        if path.stem.startswith("slow"):
            release.wait(20)
        return read_file(path, limits=limits)

    monkeypatch.setattr("indexer.images.photo.read_file", read)
    yield release
    release.set()


@pytest.mark.usefixtures("no_process")
def test_a_library_without_workers_starts_no_process_for_anything(tmp_path: Path, folder: Path) -> None:
    paint_many(folder, 30)
    paint(folder / "red.png", "red")
    (folder / "broken.png").write_bytes((folder / "red.png").read_bytes()[:50])
    paint(tmp_path / "other.png", "red")
    with Library.open(tmp_path / "app.recall", encoder=FakeEncoder(), config=False, workers=0) as library:
        report = library.sync(folder)
        assert (report.added, report.failed) == (31, 1)
        assert library.search(Path(tmp_path / "other.png"), k=1)[0].path.name == "red.png"
        assert library.similar((tmp_path / "other.png").read_bytes(), k=1)[0].path.name == "red.png"
        assert library.explain("red", folder / "red.png") is not None
        assert library.duplicates().groups == ()
        assert library.learn("Biscuit", [folder / "red.png"]).added == 1


def test_threads_and_processes_give_the_same_library(tmp_path: Path, photos: Path) -> None:
    answers = []
    for workers in (0, 2):
        with Library.open(tmp_path / f"{workers}.recall", config=False, workers=workers) as library:
            library.sync(photos)
            hits = library.search("a cat", k=21)
            answers.append([(hit.path.name, round(hit.score, 5), hit.taken_at) for hit in hits])
    assert answers[0] == answers[1]


@pytest.mark.usefixtures("no_process")
def test_a_picture_that_takes_too_long_fails_alone(tmp_path: Path, folder: Path, slow_names: threading.Event) -> None:
    paint_many(folder, 20)
    for number in range(3):
        paint(folder / f"slow{number}.png", "red")
    start = time.monotonic()
    with Library.open(tmp_path / "app.recall", encoder=FakeEncoder(), config=False, workers=0, timeout=0.5) as library:
        report = library.sync(folder)
        assert (report.added, report.failed) == (20, 3)
        assert {failure.kind for failure in library.failures()} == {FailureKind.TIMED_OUT}
        assert library.failures()[0].message == "decoding took longer than 0.5 seconds"
        slow_names.set()
    assert time.monotonic() - start < 15


@pytest.mark.usefixtures("no_process")
def test_a_reader_in_threads_has_the_time_limit_and_works_afterwards(
    tmp_path: Path, slow_names: threading.Event
) -> None:
    paint(tmp_path / "slow.png", "red")
    paint(tmp_path / "fast.png", "red")
    reader = PictureReader(limits=Limits(), timeout=0.3, in_threads=True)
    with pytest.raises(PictureError, match=r"decoding took longer than 0\.3 seconds"):
        reader.pixels(tmp_path / "slow.png", preprocess=TINY)
    assert reader.pixels(tmp_path / "fast.png", preprocess=TINY).shape == (8, 8, 3)
    assert reader.metadata(tmp_path / "fast.png").width
    reader.close()
    assert reader.pixels(tmp_path / "fast.png", preprocess=TINY).shape == (8, 8, 3)


@pytest.mark.usefixtures("no_process")
def test_a_pool_in_threads_that_is_closed_early_does_not_wait_for_its_decoders(
    tmp_path: Path, slow_names: threading.Event
) -> None:
    files = [paint(tmp_path / name, "red") for name in ("a.png", "slow1.png", "slow2.png")]
    start = time.monotonic()
    with DecodePool(preprocess=TINY, workers=0) as pool:
        results: Any = pool.imap(files, Path)
        assert next(results)[1].pixels.shape == (8, 8, 3)
        results.close()
    assert time.monotonic() - start < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("recall-decode_")]


def test_a_frozen_app_decodes_in_threads_and_refuses_workers(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, no_process: None
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert Settings.load(environ={}, library=tmp_path).decoders == 0
    message = (
        "workers is 4, but a frozen app has no Python interpreter to start processes with; use workers=0, which "
        "decodes in threads"
    )
    with pytest.raises(ConfigError) as caught:
        Library.open(tmp_path / "app.recall", workers=4)
    assert str(caught.value) == message
    paint(folder / "red.png", "red")
    with Library.open(tmp_path / "app.recall", encoder=FakeEncoder()) as library:
        assert library.sync(folder).added == 1


def test_the_program_decodes_in_threads_with_workers_0(color_album: Path, recall_program: Any) -> None:
    result = recall_program("index", color_album, "--workers", "0")
    assert (result.returncode, "3 added" in result.stdout + result.stderr) == (0, True)
