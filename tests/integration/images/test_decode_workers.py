"""A crash, a hang or a memory bomb in a decoder fails one item, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.errors import FailureKind, PictureError, RecallError
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool, worker
from indexer.types import Preprocess
from tests.support.decode_workers import is_running, pool_threads, wait_until, worker_pid
from tests.support.hostile import hostile_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops and kills processes by POSIX signals")

ROOT = Path(__file__).resolve().parents[3]


def test_each_hostile_file_is_read_or_fails_with_the_expected_kind(preprocess: Preprocess, tmp_path: Path) -> None:
    expectations = hostile_folder(tmp_path / "hostile")
    with DecodePool(preprocess=preprocess, workers=2) as pool:
        for expected, photo in pool.imap(expectations, lambda expected: expected.path):
            failure = photo.kind if isinstance(photo, PictureError) else None
            assert failure == expected.failure, os.fsencode(expected.path.name)


def test_a_worker_that_dies_fails_only_its_item(pool: DecodePool, files: list[Path]) -> None:
    results = pool.imap(files, Path)
    next(results)
    pid = worker_pid(pool)
    os.kill(pid, signal.SIGSTOP)  # while it decodes an item, or sends its result
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)
    failures = [(path, error) for path, error in results if isinstance(error, PictureError)]
    assert len(failures) <= 1  # none if it died between two items
    assert all(error.kind is FailureKind.CRASHED for _, error in failures)
    assert worker_pid(pool) != pid


def test_the_error_of_a_crash_names_the_signal(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], Path))
    pid = worker_pid(pool)
    os.kill(pid, signal.SIGSTOP)  # in place of a decoder that is busy
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    (_, crash), (_, next_result) = pool.imap(files[:2], Path)
    killer.join()
    assert isinstance(crash, PictureError)
    assert crash.kind is FailureKind.CRASHED
    assert str(crash) == "the decoder crashed (signal SIGKILL)"
    assert isinstance(next_result, Photo)


def test_a_worker_killed_while_idle_fails_no_item(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], Path))
    pid = worker_pid(pool)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_running(pid))
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, Path))


def test_a_hanging_decoder_fails_its_item_in_time_and_is_replaced(preprocess: Preprocess, files: list[Path]) -> None:
    with DecodePool(preprocess=preprocess, workers=1, timeout=0.5) as pool:
        list(pool.imap(files[:1], Path))
        pid = worker_pid(pool)
        os.kill(pid, signal.SIGSTOP)  # in place of a decoder that never ends
        start = time.monotonic()
        (_, timeout), (_, next_result) = pool.imap(files[:2], Path)
        assert time.monotonic() - start < 10
        assert isinstance(timeout, PictureError)
        assert timeout.kind is FailureKind.TIMED_OUT
        assert str(timeout) == "decoding took longer than 0.5 seconds"
        assert isinstance(next_result, Photo)
        assert not is_running(pid)


def test_ctrl_c_does_not_wait_for_a_hanging_decoder(pool: DecodePool, files: list[Path]) -> None:
    list(pool.imap(files[:1], Path))
    os.kill(worker_pid(pool), signal.SIGSTOP)  # in place of a decoder that hangs

    def interrupted() -> Iterator[Path]:
        yield from files[:5]
        assert wait_until(pool._idle.empty)  # the first item is in progress
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(pool.imap(interrupted(), Path))
    assert time.monotonic() - start < 10
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, Path))


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_an_error_is_raised_if_workers_cannot_be_started(
    preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch, files: list[Path], program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with (
        DecodePool(preprocess=preprocess, workers=2) as pool,
        pytest.raises(RecallError, match="a process that decodes photos cannot be started"),
    ):
        list(pool.imap(files, Path))
    assert not pool_threads()


def test_the_error_has_the_last_line_of_a_worker_that_failed_to_start(
    preprocess: Preprocess, monkeypatch: pytest.MonkeyPatch, files: list[Path]
) -> None:
    monkeypatch.setattr(worker, "_BOOT", "raise SystemExit('the disk is on fire')")
    with (
        DecodePool(preprocess=preprocess, workers=1) as pool,
        pytest.raises(RecallError, match="exit code 1: the disk is on fire"),
    ):
        list(pool.imap(files, Path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads another process's limits, as Linux allows")
def test_the_memory_of_a_worker_is_limited(preprocess: Preprocess, files: list[Path]) -> None:
    import resource

    limits = Limits(max_pixels=1_000_000, max_bytes=2_000_000)
    with DecodePool(preprocess=preprocess, limits=limits, workers=1) as pool:
        list(pool.imap(files, Path))
        soft, _ = resource.prlimit(worker_pid(pool), resource.RLIMIT_AS)
    assert soft == 1024**3 + 16_000_000 + 4_000_000  # 1 GiB, 16 bytes a pixel, the file twice


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
    """Return a process in its own group that decodes endlessly, and the process ids of its workers."""
    command = [sys.executable, "-c", APP, str(files[0])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        yield process, [int(pid) for pid in process.stdout.readline().split()]
        process.kill()


def test_workers_end_if_their_parent_is_killed(app: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, pids = app
    assert len(pids) == 2
    assert all(map(is_running, pids))
    process.kill()
    assert wait_until(lambda: not any(map(is_running, pids)))


def test_ctrl_c_ends_the_app_quickly_and_its_workers_silently(
    app: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, pids = app
    os.killpg(process.pid, signal.SIGINT)  # to the whole group, as a terminal does
    _, errors = process.communicate(timeout=15)
    assert errors.count("Traceback") == 1  # of the app
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert not any(map(is_running, pids))
