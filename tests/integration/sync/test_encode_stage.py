"""Decoding, encoding and writing overlap: in order, bounded, and stopped cleanly at any time."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from indexer.catalog.statements import writes
from indexer.errors import RecallError, StorageError
from indexer.images.workers import DecodePool
from indexer.sync import encode_stage
from indexer.types import Modality, Vectors
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.contents import Place, contents, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.zygote import is_alive

SECONDS = 20.0
"""Time limit for what normally happens at once; the machine may be busy."""


def sync_threads() -> list[str]:
    """Return the names of a sync's running threads."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("recall-")]


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Return a list of functions that are called in the transaction before a batch's embeddings are written."""
    hooks: list[Any] = []
    write = writes.add_embeddings

    def add_embeddings(connection: Any, ids: Any, encoder_id: int, vectors: Vectors, **options: Any) -> None:
        for hook in hooks if options.get("kind") is not Modality.TEXT else ():  # texts are written after photos
            hook()
        write(connection, ids, encoder_id, vectors, **options)

    monkeypatch.setattr(writes, "add_embeddings", add_embeddings)
    yield hooks
    assert sync_threads() == []


def test_items_are_committed_in_the_order_of_the_walk(library: Library, folder: Path) -> None:
    pick = random.Random(3)
    for number in range(60):  # the decoders, one per processor, finish them in another order
        side = pick.choice([4, 40, 1500])
        Image.new("RGB", (side, side), (number, 100, 200)).save(folder / f"{number:02}.png")
    library.sync(folder)
    paths = [path for (path,) in rows(library, "SELECT path FROM items ORDER BY id")]
    assert paths == sorted(paths)
    assert len(paths) == 60


def test_a_batch_that_texts_end_is_not_filled_up(
    library: Library, folder: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a photo in each, filling them up would encode four times as many pictures."""
    paint_many(folder, 12)
    photos = sorted(folder.rglob("*.png"))
    for photo in photos[6:]:
        photo.rename(photo.with_suffix(".later"))
    library.sync(folder)
    assert encoder.pictures == [4, 4]
    encoder.pictures.clear()
    monkeypatch.setattr(encode_stage, "BATCH_CHUNKS", 2)
    for photo in photos[6:]:
        photo.with_suffix(".later").rename(photo)
        for number in range(2):
            photo.with_name(f"{photo.stem}-{number}.txt").write_text("a red house")
    assert library.sync(folder).added == 18
    assert encoder.pictures == [1, 1, 1, 1, 1, 4]  # no texts follow the last photo


def test_a_batch_is_written_while_the_next_is_encoded(
    library_place: Place, folder: Path, before_write: list[Any]
) -> None:
    paint_many(folder, 12)
    second = threading.Event()
    batches: list[int] = []

    def record(number: int) -> None:
        batches.append(number)
        if len(batches) == 2:
            second.set()

    before_write.append(lambda: second.wait(SECONDS) or pytest.fail("the second batch waits for the end of the first"))
    with Library.open(library_place, encoder=FakeEncoder(before_images=record)) as library:
        assert library.sync(folder).added == 12


def test_the_batches_waiting_for_a_slow_writer_are_bounded(
    library_place: Place, folder: Path, before_write: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_many(folder, 200)
    encoder = FakeEncoder()
    started: list[int] = []
    decode = DecodePool._decode

    def count_decode(pool: DecodePool, path: Path, sidecars: tuple[Path, ...]) -> Any:
        started.append(1)
        return decode(pool, path, sidecars)

    monkeypatch.setattr(DecodePool, "_decode", count_decode)
    measured: list[tuple[int, int]] = []

    def measure() -> None:
        if not measured:
            time.sleep(0.5)  # enough to encode everything
            measured.append((len(encoder.pictures), len(started)))

    before_write.append(measure)
    with Library.open(library_place, encoder=encoder) as library:
        library.sync(folder)
    ((batches, decoded),) = measured
    assert batches == 2  # one being written and one waiting
    assert 8 <= decoded <= 8 + max(64, 16 * (os.cpu_count() or 1))  # and those decoded ahead


def test_the_next_batch_is_decoded_while_a_large_one_is_encoded(
    library_place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, batch = 1, 100  # more than the decoders read ahead by default
    paint_many(folder, 3 * batch)
    decoded = threading.Semaphore(0)
    decode = DecodePool._decode

    def release_after_decode(pool: DecodePool, path: Path, sidecars: tuple[Path, ...]) -> Any:
        photo = decode(pool, path, sidecars)
        decoded.release()
        return photo

    monkeypatch.setattr(DecodePool, "_decode", release_after_decode)
    results: list[bool] = []

    def wait(_: int) -> None:
        if not results:
            results.extend(decoded.acquire(timeout=SECONDS) for _ in range(2 * batch))

    encoder = FakeEncoder(batch_size=batch, before_images=wait)
    with Library.open(library_place, encoder=encoder, workers=workers) as library:
        assert library.sync(folder).added == 3 * batch
    assert results == [True] * 2 * batch


def test_an_error_of_the_writer_ends_the_run_and_nothing_more_is_written(
    library_place: Place, folder: Path, before_write: list[Any]
) -> None:
    paint_many(folder, 40)
    path = library_place
    calls: list[int] = []

    def fail_second() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    before_write.append(fail_second)
    with Library.open(path, encoder=FakeEncoder()) as library:
        with pytest.raises(StorageError, match="is full; committed work is safe"):
            library.sync(folder)
        assert (len(calls), count(path, "items"), count(path, "embeddings")) == (2, 4, 4)
        before_write.clear()
        assert library.sync(folder).added == 36
        assert library.check() == []


def test_an_error_of_the_encoder_names_its_batch_and_the_previous_one_is_written(
    library_place: Place, folder: Path, before_write: list[Any]
) -> None:
    pictures = sorted(paint_many(folder, 12))
    path = library_place
    failing = threading.Event()
    batches: list[int] = []

    def fail_second(_: int) -> None:
        batches.append(1)
        if len(batches) == 2:
            failing.set()
            raise RuntimeError("out of memory")

    before_write.append(lambda: failing.wait(SECONDS))  # the first batch is still being written
    with (
        Library.open(path, encoder=FakeEncoder(before_images=fail_second)) as library,
        pytest.raises(RuntimeError, match="out of memory") as caught,
    ):
        library.sync(folder)
    assert caught.value.__notes__ == [f"while encoding 4 items, {pictures[4]} to {pictures[7]}; earlier ones are kept"]
    assert [row[0] for row in contents(path)] == [os.fsencode(picture) for picture in pictures[:4]]


def test_an_error_of_the_decoders_is_raised_and_the_previous_batches_are_written(
    library_place: Place, folder: Path, before_write: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_many(folder, 12)
    decode, last = DecodePool._decode, max(folder.rglob("*.png"))

    def fail_last(pool: DecodePool, path: Path, sidecars: tuple[Path, ...]) -> Any:
        if path == last:
            raise RecallError("a process that decodes photos cannot be started")
        return decode(pool, path, sidecars)

    monkeypatch.setattr(DecodePool, "_decode", fail_last)
    path = library_place
    with (
        Library.open(path, encoder=FakeEncoder()) as library,
        pytest.raises(RecallError, match="a process that decodes photos cannot be started"),
    ):
        library.sync(folder)
    assert count(path, "embeddings") == 8  # two batches; the third has no last photo


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_ctrl_c_while_a_batch_is_written_commits_the_batch(
    library_place: Place, folder: Path, before_write: list[Any], batch: int
) -> None:
    paint_many(folder, 40)
    path = library_place
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(1)
        if len(calls) == batch:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)  # now the main thread stops, and waits for this thread

    before_write.append(interrupt)
    with Library.open(path, encoder=FakeEncoder()) as library:
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            library.sync(folder)
        assert time.monotonic() - start < SECONDS
        assert count(path, "embeddings") == count(path, "items") == 4 * batch
        before_write.clear()
        assert library.sync(folder).added == 40 - 4 * batch
        assert library.check() == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_during_encoding_ends_the_program_and_its_processes(
    recall_program: Program, skimage_photos: Path, folder: Path, library_place: Place
) -> None:
    pick = random.Random(5)
    with Image.open(skimage_photos / "rocket.jpg") as rocket:
        for number in range(600):
            left, top = pick.randrange(300), pick.randrange(150)
            rocket.crop((left, top, left + 300, top + 225)).save(folder / f"{number:03}.jpg")
    path = library_place
    process = recall_program.start("index", folder, "--device", "cpu")
    end = time.monotonic() + 60
    while not count(path, "embeddings"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # also to the decoders, as a terminal does
    start = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - start < 5  # half a second here
    assert (process.returncode, out) == (130, "")
    assert err == "recall: stopped; what was done is kept; run the same command again to continue\n"
    assert not is_alive(process.pid)
    assert 0 < count(path, "embeddings") == count(path, "items") < 600
