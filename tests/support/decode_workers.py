"""The processes and threads of a decode pool, as tests find and watch them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from indexer.images.workers import DecodePool, PictureReader
from indexer.images.workers.thread_worker import ThreadWorker
from indexer.images.workers.worker import Worker


def worker_pid(pool: DecodePool | PictureReader, index: int = 0) -> int:
    """Return the process id of one of the workers of a pool or reader."""
    worker = list(pool._workers)[index]
    assert isinstance(worker, Worker)
    assert worker._process is not None
    return worker._process.pid


def has_process(worker: Worker | ThreadWorker) -> bool:
    """Return whether a worker has started a process."""
    return isinstance(worker, Worker) and worker._process is not None


def is_running(pid: int) -> bool:
    """Return whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Return whether a condition becomes true within this time."""
    end = time.monotonic() + seconds
    while not (is_met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return is_met


def pool_threads() -> list[threading.Thread]:
    """Return the running threads of decode pools."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("recall-decode")]
