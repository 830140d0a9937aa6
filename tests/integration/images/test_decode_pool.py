"""Photos decoded in worker processes: order, bounds, errors, and clean-up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.errors import FailureKind, PictureError
from indexer.images import Limits, Photo, read_photo
from indexer.images.workers import DecodePool
from indexer.types import Preprocess
from tests.support.decode_workers import has_process, is_running, pool_threads, wait_until, worker_pid

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops and kills processes by POSIX signals")


@pytest.mark.parametrize("workers", [1, 3])
def test_photos_are_in_the_order_of_the_items_and_equal_those_read_in_this_process(
    preprocess: Preprocess, files: list[Path], workers: int
) -> None:
    with DecodePool(preprocess=preprocess, workers=workers) as pool:
        results = list(pool.imap(files, Path))
    assert [item for item, _ in results] == files
    for path, photo in results:
        expected = read_photo(path, preprocess=preprocess)
        assert isinstance(photo, Photo)
        assert (photo.pixels == expected.pixels).all()
        assert (photo.metadata, photo.content_hash) == (expected.metadata, expected.content_hash)


@pytest.mark.parametrize(("workers", "ahead"), [(2, 64), (5, 80)])  # 16 per worker, but at least 64
def test_a_bounded_number_of_items_is_read_ahead(
    preprocess: Preprocess, files: list[Path], workers: int, ahead: int
) -> None:
    read_count = 0

    def endless() -> Iterator[Path]:
        nonlocal read_count
        while True:
            read_count += 1
            yield files[read_count % len(files)]

    with DecodePool(preprocess=preprocess, workers=workers) as pool:
        results = pool.imap(endless(), Path)
        for result_count in range(1, 101):
            next(results)
            assert read_count == result_count + ahead - 1


def test_the_caller_may_raise_the_number_of_items_read_ahead(preprocess: Preprocess, files: list[Path]) -> None:
    read_count, ahead = 0, 0

    def items() -> Iterator[Path]:
        nonlocal read_count
        for read_count in range(1, 201):
            yield files[read_count % len(files)]

    with DecodePool(preprocess=preprocess, workers=2) as pool:
        results = pool.imap(items(), Path, min_ahead=lambda: ahead)
        next(results)
        assert read_count == 64  # the pool's own number
        ahead = 100
        next(results)
        assert read_count == 101  # one result was returned before
        ahead = 0
        assert len(list(results)) == 198


def test_items_are_read_in_the_callers_thread(pool: DecodePool, files: list[Path]) -> None:
    threads = set()

    def items() -> Iterator[Path]:
        for file in files:
            threads.add(threading.current_thread())
            yield file

    assert len(list(pool.imap(items(), Path))) == len(files)
    assert threads == {threading.current_thread()}


def test_an_exception_of_the_items_is_raised(pool: DecodePool, files: list[Path]) -> None:
    def items() -> Iterator[Path]:
        yield files[0]
        raise LookupError("the source broke")

    with pytest.raises(LookupError, match="the source broke"):
        list(pool.imap(items(), Path))
    assert len(list(pool.imap(files, Path))) == len(files)


def test_the_pool_stays_usable_when_an_iterator_is_closed_early(pool: DecodePool, files: list[Path]) -> None:
    results = pool.imap(files, Path)
    next(results)
    results.close()
    assert all(isinstance(photo, Photo) for _, photo in pool.imap(files, Path))


def test_closing_the_pool_leaves_no_process_and_no_thread(preprocess: Preprocess, files: list[Path]) -> None:
    with DecodePool(preprocess=preprocess, workers=3) as pool:
        results = pool.imap(files, Path)
        next(results)
        assert wait_until(lambda: all(has_process(worker) for worker in pool._workers))
        pids = [worker_pid(pool, index) for index in range(3)]
        os.kill(pids[0], signal.SIGSTOP)
    assert not any(map(is_running, pids))
    assert not pool_threads()


def test_a_closed_pool_raises_value_error(preprocess: Preprocess, files: list[Path]) -> None:
    with DecodePool(preprocess=preprocess, workers=1) as pool:
        assert len(list(pool.imap(files, Path))) == len(files)
    pool.close()  # closing twice is safe
    with pytest.raises(ValueError, match="the pool is closed"):
        next(pool.imap(files, Path))


def test_an_unused_pool_starts_nothing(
    preprocess: Preprocess,
) -> None:
    with DecodePool(preprocess=preprocess, workers=4) as pool:
        assert list(pool.imap([], Path)) == []
        assert not any(has_process(worker) for worker in pool._workers)
        assert pool.seconds == 0


def test_seconds_are_the_sum_over_the_workers(preprocess: Preprocess, files: list[Path]) -> None:
    with DecodePool(preprocess=preprocess, workers=2) as pool:
        list(pool.imap(files[:4], Path))  # the start of the workers is not counted
        before, start = pool.seconds, time.perf_counter()
        list(pool.imap(files, Path))
        assert 0 < pool.seconds - before <= 2 * (time.perf_counter() - start)


def test_the_workers_apply_the_limits(preprocess: Preprocess, files: list[Path]) -> None:
    with DecodePool(preprocess=preprocess, limits=Limits(max_pixels=32 * 40), workers=1) as pool:
        kinds = [photo.kind if isinstance(photo, PictureError) else None for _, photo in pool.imap(files, Path)]
    assert kinds == [None] * 5 + [FailureKind.TOO_LARGE] * 35  # widths 32, 34, … 40, 42, …


@pytest.mark.parametrize(("workers", "timeout"), [(-1, 60.0), (1, 0.0)])
def test_a_pool_with_less_than_no_workers_or_no_time_raises_value_error(
    preprocess: Preprocess, workers: int, timeout: float
) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        DecodePool(preprocess=preprocess, workers=workers, timeout=timeout)
