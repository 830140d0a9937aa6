"""Several writers of one library: each waits for the other, and small writes come between the batches of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.catalog.sqlite import lock
from indexer.catalog.sqlite.lock import write_lock
from indexer.errors import LibraryLockedError, RecallError, SourceError
from indexer.sync.report import SyncReport
from indexer.types import Pixels, Vectors
from retrieval import Library
from tests.support.color_photos import advance_mtime, paint_many
from tests.support.contents import contents
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

pytestmark = pytest.mark.folder

PHOTO_COUNT = 240


class SlowEncoder(FakeEncoder):
    """An encoder that takes its time until it may hurry; a run of 60 batches takes three seconds then."""

    batch_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.may_hurry = threading.Event()

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return the vectors, after a pause."""
        self.may_hurry.wait(0.05)
        return super().encode_images(pixels)


class Run:
    """A sync in a thread of its own.

    Attributes:
        result: The report or the error; None while it runs.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.encoder = SlowEncoder()
        self.result: SyncReport | RecallError | None = None
        self._has_batch = threading.Event()
        self._thread = threading.Thread(target=self._sync, args=(path, folder))
        self._thread.start()
        assert self._has_batch.wait(60)

    def _sync(self, path: Path, folder: Path) -> None:
        with Library.open(path, encoder=self.encoder) as library:
            try:
                self.result = library.sync(folder, progress=lambda now: self._notice(now.stage, now.done))
            except RecallError as error:
                self.result = error
            self._has_batch.set()

    def _notice(self, stage: str, done: int) -> None:
        if stage == "indexing" and done:
            self._has_batch.set()

    def finish(self) -> SyncReport | RecallError | None:
        """Return the report or the error."""
        self.encoder.may_hurry.set()
        self._thread.join(60)
        return self.result


@pytest.fixture
def run(library: Library, folder: Path, tmp_path: Path) -> Iterator[Run]:
    """A sync of many photos that has committed a batch; two more photos were indexed before."""
    paint_many(tmp_path / "other", 2)
    library.sync(tmp_path / "other")
    paint_many(folder, PHOTO_COUNT)
    running = Run(library.path, folder)
    yield running
    running.finish()


@contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Hold the write lock in another thread for a time."""
    is_held = threading.Event()

    def hold() -> None:
        with write_lock(path, "testing", timeout=0):
            is_held.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(10)
    yield
    thread.join()


def learn(library: Library, photo: Path) -> None:
    """Learn a word."""
    library.learn("Biscuit", [photo])


def judge(library: Library, photo: Path) -> None:
    """Judge a photo."""
    library.judge("red", good=[photo], bad=[])


def forget(library: Library, photo: Path) -> None:
    """Remove a photo from the library."""
    assert library.forget(photo) == 1


@pytest.mark.parametrize("write", [judge, learn, forget])
def test_a_small_write_comes_between_two_batches_of_an_index_run(
    run: Run, library: Library, tmp_path: Path, write: Callable[[Library, Path], None]
) -> None:
    photo = min(path for path in (tmp_path / "other").rglob("*") if path.is_file())
    write(library, photo)
    assert run.result is None, "the run was over before the write"
    report = run.finish()
    assert isinstance(report, SyncReport), report
    assert report.added == PHOTO_COUNT
    assert library.check() == []


def test_a_folder_that_is_forgotten_while_it_is_indexed_stays_forgotten(
    run: Run, library: Library, folder: Path
) -> None:
    assert library.forget(folder) > 0
    error = run.finish()
    assert isinstance(error, SourceError)
    assert "was removed from the library while it was indexed" in str(error)
    assert len(contents(library)) == 2
    assert library.check() == []
    assert library.sync(folder).added == PHOTO_COUNT


def test_the_program_writes_while_a_run_goes_on(run: Run, recall_program: Program, tmp_path: Path) -> None:
    result = recall_program("forget", tmp_path / "other")
    assert (result.returncode, run.result) == (0, None), result.stderr


def test_a_second_run_is_refused_after_its_wait(run: Run, library: Library, folder: Path) -> None:
    library._store.wait = 0.2
    with pytest.raises(LibraryLockedError, match=r"process \d+ \(indexing\) is writing to"):
        library.sync(folder)
    assert run.result is None


def test_a_writer_waits_for_another_one(library: Library, folder: Path) -> None:
    paint_many(folder, 2)
    library.sync(folder)
    with held(library.path, 0.4):
        assert library.forget(folder) == 2


def test_a_writer_that_does_not_wait_is_refused_at_once(library: Library, folder: Path) -> None:
    with (
        held(library.path, 0.4),
        Library.open(library.name, wait=0) as other,
        pytest.raises(LibraryLockedError, match=r"\(testing\) is writing to"),
    ):
        other.sync(folder)


def test_a_writer_that_waits_long_says_for_whom(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock, "_SILENT_SECONDS", 0.05)
    with held(library.path, 0.4), write_lock(library.path, "judging", timeout=10):
        pass
    assert "waiting up to 10 seconds for process " in caplog.text
    assert "(testing), which is writing" in caplog.text


def test_a_run_gives_the_lock_to_each_writer_that_waits(library: Library) -> None:
    order: list[str] = []

    def write(name: str) -> None:
        with write_lock(library.path, name, timeout=20):
            order.append(name)

    with write_lock(library.path, "indexing", timeout=0, is_run=True) as lock:
        threads = [threading.Thread(target=write, args=(f"writer {number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        while len(order) < 3:
            lock.let_others_write()
            time.sleep(0.05)  # a batch
        for thread in threads:
            thread.join()
        with pytest.raises(LibraryLockedError, match=r"\(indexing\)"), write_lock(library.path, "judging", timeout=0):
            pass
    assert sorted(order) == ["writer 0", "writer 1", "writer 2"]


def test_a_writer_deletes_only_old_unfinished_files(library: Library) -> None:
    library.add(texts=["red"])
    old, new = library.path / "index-1.faiss.old.part", library.path / "index-1.faiss.new.part"
    for part in (old, new):
        part.touch()
    advance_mtime(old, -3600)
    library.add(texts=["lime"])
    assert not old.exists()
    assert new.exists(), "a search in another thread or process saves an index without the write lock"
