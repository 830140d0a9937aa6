"""A crash, a hang or a memory bomb in a decoder costs one item, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.errors import FailureKind, PictureError, RecallError
from indexer.images import Limits, Photo, read_photo
from indexer.images.workers import DecodePool, worker
from indexer.types import Preprocess
from tests.support.hostile import hostile_folder
from tests.support.pictures import encoded, quadrants

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops and kills processes by POSIX signals")

SQUARE = Preprocess(32, "squash")
ROOT = Path(__file__).resolve().parents[2]


def same(path: Path) -> Path:
    """Return the path: the key of items that are paths."""
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return 40 small pictures, each of its own size."""
    paths = [tmp_path / f"{number:02}.png" for number in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(quadrants(32 + 2 * number, 32), "PNG"))
    return paths


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    """Return a pool of one worker, which a signal can therefore find."""
    with DecodePool(preprocess=SQUARE, workers=1, timeout=30) as made:
        yield made


def process_of(pool: DecodePool, index: int = 0) -> int:
    """Return the process number of one of a pool's workers."""
    process = pool._workers[index]._process
    assert process is not None
    return process.pid


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that ended but was not waited for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Return whether a condition came true in time."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def decoding_threads() -> list[threading.Thread]:
    """Return the threads that pools have started and not ended."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("recall-decode")]


def the(outcome: Photo | PictureError | None) -> PictureError:
    """Return an outcome that has to be a failure."""
    assert isinstance(outcome, PictureError)
    return outcome


@pytest.mark.parametrize("workers", [1, 3])
def test_photos_come_in_the_order_of_the_items_and_as_if_read_here(files: list[Path], workers: int) -> None:
    with DecodePool(preprocess=SQUARE, workers=workers) as pool:
        results = list(pool.imap(files, same))
    assert [item for item, _ in results] == files
    for path, photo in results:
        expected = read_photo(path, preprocess=SQUARE)
        assert isinstance(photo, Photo)
        assert (photo.pixels == expected.pixels).all()
        assert (photo.metadata, photo.content_hash) == (expected.metadata, expected.content_hash)


def test_each_hostile_file_fails_for_its_reason(tmp_path: Path) -> None:
    expectations = hostile_folder(tmp_path / "hostile")
    with DecodePool(preprocess=SQUARE, workers=2) as pool:
        for expected, photo in pool.imap(expectations, lambda expected: expected.path):
            failure = photo.kind if isinstance(photo, PictureError) else None
            assert failure == expected.failure, os.fsencode(expected.path.name)


def test_a_worker_that_dies_costs_its_item_alone(pool: DecodePool, files: list[Path]) -> None:
    results = pool.imap(files, same)
    next(results)
    pid = process_of(pool)
    os.kill(pid, signal.SIGSTOP)  # it now sits on an item, or on its answer to one
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)
    failures = [(path, error) for path, error in results if isinstance(error, PictureError)]
    assert len(failures) <= 1  # none where it died between two items
    assert all(error.kind is FailureKind.CRASHED for _, error in failures)
    assert process_of(pool) != pid


def test_a_crash_names_its_signal(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], same))
    pid = process_of(pool)
    os.kill(pid, signal.SIGSTOP)  # stands for a decoder that is busy
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    (_, crashed), (_, after) = pool.imap(files[:2], same)
    killer.join()
    assert the(crashed).kind is FailureKind.CRASHED
    assert str(crashed) == "the decoder crashed (signal SIGKILL)"
    assert isinstance(after, Photo)


def test_a_worker_killed_while_idle_costs_nothing(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], same))
    pid = process_of(pool)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(pid))
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, same))


def test_a_hanging_decoder_fails_its_item_in_time_and_is_replaced(files: list[Path]) -> None:
    with DecodePool(preprocess=SQUARE, workers=1, timeout=0.5) as pool:
        list(pool.imap(files[:1], same))
        pid = process_of(pool)
        os.kill(pid, signal.SIGSTOP)  # stands for a decoder that never ends
        began = time.monotonic()
        (_, late), (_, after) = pool.imap(files[:2], same)
        assert time.monotonic() - began < 10
        assert the(late).kind is FailureKind.TIMED_OUT
        assert str(late) == "decoding took longer than 0.5 seconds"
        assert isinstance(after, Photo)
        assert not is_alive(pid)


@pytest.mark.parametrize(("workers", "ahead"), [(2, 64), (5, 80)])  # 16 for each, but for all of them at least 64
def test_items_are_taken_a_bounded_number_ahead(files: list[Path], workers: int, ahead: int) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield files[taken % len(files)]

    with DecodePool(preprocess=SQUARE, workers=workers) as pool:
        results = pool.imap(endless(), same)
        for given in range(1, 101):
            next(results)
            assert taken == given + ahead - 1


def test_as_many_items_are_taken_ahead_as_the_caller_says(files: list[Path]) -> None:
    taken, ahead = 0, 0

    def items() -> Iterator[Path]:
        nonlocal taken
        for taken in range(1, 201):
            yield files[taken % len(files)]

    with DecodePool(preprocess=SQUARE, workers=2) as pool:
        results = pool.imap(items(), same, min_ahead=lambda: ahead)
        next(results)
        assert taken == 64  # by itself
        ahead = 100
        next(results)
        assert taken == 101  # one was given back
        ahead = 0
        assert len(list(results)) == 198


def test_items_are_taken_in_the_callers_thread(pool: DecodePool, files: list[Path]) -> None:
    threads = set()

    def items() -> Iterator[Path]:
        for file in files:
            threads.add(threading.current_thread())
            yield file

    assert len(list(pool.imap(items(), same))) == len(files)
    assert threads == {threading.current_thread()}


def test_an_error_of_the_items_comes_through(pool: DecodePool, files: list[Path]) -> None:
    def items() -> Iterator[Path]:
        yield files[0]
        raise LookupError("the source broke")

    with pytest.raises(LookupError, match="the source broke"):
        list(pool.imap(items(), same))
    assert len(list(pool.imap(files, same))) == len(files)


def test_the_pool_stays_usable_when_an_iterator_is_closed_early(pool: DecodePool, files: list[Path]) -> None:
    results = pool.imap(files, same)
    next(results)
    results.close()
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, same))


def test_ctrl_c_does_not_wait_for_a_hanging_decoder(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], same))
    os.kill(process_of(pool), signal.SIGSTOP)  # stands for a decoder that hangs

    def interrupted() -> Iterator[Path]:
        yield from files[:5]
        assert wait_until(pool._idle.empty)  # the first of them is in work
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(pool.imap(interrupted(), same))
    assert time.monotonic() - began < 10
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, same))


def test_closing_the_pool_leaves_no_process_and_no_thread(files: list[Path]) -> None:
    with DecodePool(preprocess=SQUARE, workers=3) as pool:
        results = pool.imap(files, same)
        next(results)
        assert wait_until(lambda: all(worker._process for worker in pool._workers))
        pids = [process_of(pool, index) for index in range(3)]
        os.kill(pids[0], signal.SIGSTOP)
    assert not any(map(is_alive, pids))
    assert not decoding_threads()


def test_a_closed_pool_refuses_more(files: list[Path]) -> None:
    with DecodePool(preprocess=SQUARE, workers=1) as pool:
        assert len(list(pool.imap(files, same))) == len(files)
    pool.close()  # a second time does no harm
    with pytest.raises(ValueError, match="the pool is closed"):
        next(pool.imap(files, same))


def test_an_unused_pool_starts_nothing() -> None:
    with DecodePool(preprocess=SQUARE, workers=4) as pool:
        assert list(pool.imap([], same)) == []
        assert not any(worker._process for worker in pool._workers)
        assert pool.seconds == 0


def test_seconds_add_up_over_the_workers(files: list[Path]) -> None:
    with DecodePool(preprocess=SQUARE, workers=2) as pool:
        list(pool.imap(files[:4], same))  # starting does not count
        before, began = pool.seconds, time.perf_counter()
        list(pool.imap(files, same))
        assert 0 < pool.seconds - before <= 2 * (time.perf_counter() - began)


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_workers_that_cannot_start_are_an_error_of_the_run(
    monkeypatch: pytest.MonkeyPatch, files: list[Path], program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with (
        DecodePool(preprocess=SQUARE, workers=2) as pool,
        pytest.raises(RecallError, match="a process that decodes photos cannot be started"),
    ):
        list(pool.imap(files, same))
    assert not decoding_threads()


def test_a_worker_that_fails_to_start_says_why(monkeypatch: pytest.MonkeyPatch, files: list[Path]) -> None:
    monkeypatch.setattr(worker, "_BOOT", "raise SystemExit('the disk is on fire')")
    with (
        DecodePool(preprocess=SQUARE, workers=1) as pool,
        pytest.raises(RecallError, match="exit code 1: the disk is on fire"),
    ):
        list(pool.imap(files, same))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for another process's limits")
def test_a_worker_may_take_so_much_memory_and_no_more(files: list[Path]) -> None:
    import resource

    limits = Limits(max_pixels=1_000_000, max_bytes=2_000_000)
    with DecodePool(preprocess=SQUARE, limits=limits, workers=1) as pool:
        list(pool.imap(files, same))
        soft, _ = resource.prlimit(process_of(pool), resource.RLIMIT_AS)
    assert soft == 1024**3 + 16_000_000 + 4_000_000  # 1 GiB, 16 bytes a pixel, the file twice


def test_the_limits_reach_the_workers(files: list[Path]) -> None:
    with DecodePool(preprocess=SQUARE, limits=Limits(max_pixels=32 * 40), workers=1) as pool:
        kinds = [photo.kind if isinstance(photo, PictureError) else None for _, photo in pool.imap(files, same)]
    assert kinds == [None] * 5 + [FailureKind.TOO_LARGE] * 35  # widths 32, 34, … 40, 42, …


@pytest.mark.parametrize(("workers", "timeout"), [(0, 60.0), (1, 0.0)])
def test_a_pool_that_could_do_nothing_is_a_mistake(workers: int, timeout: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        DecodePool(preprocess=SQUARE, workers=workers, timeout=timeout)


APP = """
import sys, threading
from pathlib import Path
from indexer.images.workers import DecodePool
from indexer.types import Preprocess

def endless():
    while True:
        yield Path(sys.argv[1])

with DecodePool(preprocess=Preprocess(32), workers=2) as pool:
    for number, _ in enumerate(pool.imap(endless(), lambda path: path)):
        if number == 50:
            print(*(worker._process.pid for worker in pool._workers), flush=True)
"""


@pytest.fixture
def app(files: list[Path]) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Return a process in a group of its own that decodes without end, and its workers' numbers."""
    command = [sys.executable, "-c", APP, str(files[0])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        yield process, [int(pid) for pid in process.stdout.readline().split()]
        process.kill()


def test_workers_end_when_their_parent_is_killed(app: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, pids = app
    assert len(pids) == 2
    assert all(map(is_alive, pids))
    process.kill()
    assert wait_until(lambda: not any(map(is_alive, pids)))


def test_ctrl_c_ends_the_app_quickly_and_its_workers_without_a_word(
    app: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, pids = app
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, errors = process.communicate(timeout=15)
    assert errors.count("Traceback") == 1  # the app's own
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert not any(map(is_alive, pids))
