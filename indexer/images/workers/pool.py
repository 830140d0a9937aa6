"""A pool of worker processes that decode photos."""

from __future__ import annotations

import pickle
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from indexer.errors import PictureError
from indexer.images import Limits, Photo
from indexer.images.workers.worker import Worker
from indexer.types import Preprocess

T = TypeVar("T")

_LOOK_AHEAD = 16
"""Items taken from the caller per worker before the first of them is given back: answers come in the order of the
items, and this many keep the other workers busy while one decodes a picture that is this many times slower."""

_LOOK_AHEAD_AT_LEAST = 64
"""The same for all workers together: items are taken only between two batches, so that while one of 32 is encoded the
next has to be in work already."""

_CLOSE_SECONDS = 0.5
"""Time for items in work to end by themselves when the caller stops early; then their workers are killed."""


class DecodePool:
    """Reads photos in worker processes; a context manager that leaves no process or thread behind.

    Workers start when they are first needed. A worker that dies or is killed is replaced, and only its item fails.
    """

    def __init__(
        self, *, preprocess: Preprocess, limits: Limits | None = None, workers: int, timeout: float = 60.0
    ) -> None:
        """Make a pool; nothing is started yet.

        Args:
            preprocess: How pictures are prepared: the encoder's.
            limits: Pixel and byte limits; None for the defaults.
            workers: Processes, at least 1.
            timeout: Seconds that one photo may take.
        """
        if workers < 1 or timeout <= 0:
            raise ValueError(f"workers must be at least 1 and timeout positive, not {workers} and {timeout}")
        order = pickle.dumps((preprocess, limits or Limits(), timeout))
        self._workers = [Worker(order, timeout=timeout) for _ in range(workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._ahead = max(_LOOK_AHEAD * workers, _LOOK_AHEAD_AT_LEAST)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="recall-decode")
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, args=(min(timeout / 10, 1.0),), daemon=True)
        self._watcher.name = "recall-decode-watcher"

    @property
    def seconds(self) -> float:
        """Seconds spent on photos so far, summed over the workers, so that it may pass the time on the clock."""
        return sum(worker.seconds for worker in self._workers)

    def imap(
        self,
        items: Iterable[T],
        path_of: Callable[[T], Path | None],
        sidecar_of: Callable[[T], Path | None] = lambda _: None,
        min_ahead: Callable[[], int] = lambda: 0,
    ) -> Generator[tuple[T, Photo | PictureError | None], None, None]:
        """Yield each item with its photo, or with the reason why it has none, in the order of the items.

        Items are pulled in the caller's thread, a bounded number ahead of what is yielded. One call at a time may be
        in progress. Closing the iterator early ends the work within a second.

        Args:
            items: Of any length; may be a generator.
            path_of: Where an item's file is; None for one that needs no decoder and passes through.
            sidecar_of: Where its sidecar is, None for none.
            min_ahead: Gives how many items are taken ahead at least; it may change.

        Raises:
            RecallError: No worker can be started.
        """
        if self._closing.is_set():
            raise ValueError("the pool is closed")
        if not self._watcher.is_alive():
            self._watcher.start()
        source = iter(items)
        pending: deque[tuple[T, Future[Photo | PictureError] | None]] = deque()
        try:
            while True:
                for item in islice(source, max(0, max(self._ahead, min_ahead()) - len(pending))):
                    path = path_of(item)
                    future = None if path is None else self._threads.submit(self._decode, path, sidecar_of(item))
                    pending.append((item, future))
                if not pending:
                    return
                item, future = pending.popleft()
                yield item, None if future is None else future.result()
        finally:
            self._abandon([future for _, future in pending if future is not None])

    def close(self) -> None:
        """End the workers and the threads at once; safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.retire()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.stop()
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, path: Path, sidecar: Path | None) -> Photo | PictureError:
        """Return what a worker makes of a file; runs in one of the threads."""
        worker = self._idle.get()  # never waits: there are as many threads as workers
        try:
            return worker.decode(path, sidecar)
        finally:
            self._idle.put(worker)

    def _watch(self, tick: float) -> None:
        """Kill workers that are late, until the pool closes; one thread, since a timer per photo costs 0.4 ms."""
        while not self._closing.wait(tick):
            for worker in self._workers:
                worker.kill_if_late()

    def _abandon(self, futures: list[Future[Photo | PictureError]]) -> None:
        """Cancel what has not begun, and end what has."""
        running = [future for future in futures if not future.cancel()]
        while wait(running, timeout=_CLOSE_SECONDS).not_done:
            for worker in self._workers:
                worker.kill()
