"""A pool of worker processes, or threads, that decode photos."""

from __future__ import annotations

import pickle
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from indexer.config import cpu_count
from indexer.errors import PictureError
from indexer.images import Keep, Limits, Photo, read_photo
from indexer.images.file_reader import File, FileOrBytes, fetched
from indexer.images.metadata.sidecars import sidecar_limits
from indexer.images.workers.thread_worker import ThreadWorker
from indexer.images.workers.worker import Worker, sendable
from indexer.object_path import ObjectPath
from indexer.storage import item_files
from indexer.types import Preprocess

T = TypeVar("T")

_LOOK_AHEAD = 16
"""Items that are read ahead per worker. Results are in the order of the items, so this many keep the other workers busy
while one decodes a picture that takes this many times longer."""

_MIN_LOOK_AHEAD = 64
"""The minimum for all workers together: items are read only between two batches, so while a batch of 32 is encoded, the
next must already be in progress."""

_CLOSE_SECONDS = 0.5
"""Seconds for items in progress to finish when the caller stops early; then their workers are killed."""


class DecodePool:
    """Reads photos in worker processes; a context manager that leaves no process or thread behind.

    Workers start when they are first needed. A worker that dies is replaced, and only its item fails.
    """

    def __init__(
        self,
        *,
        preprocess: Preprocess,
        limits: Limits | None = None,
        workers: int,
        timeout: float = 60.0,
        keep: Keep = "nothing",
    ) -> None:
        """Create a pool without starting processes.

        Args:
            preprocess: The encoder's settings.
            limits: Pixel and byte limits; None for the defaults.
            workers: Number of processes; 0 decodes in as many threads of this process as there are processors.
            timeout: Seconds that one photo may take.
            keep: What to keep of each photo's file, as `Photo.stored`.

        Raises:
            ValueError: `workers` is negative, or `timeout` is not positive.
        """
        if workers < 0 or timeout <= 0:
            raise ValueError(f"workers must be at least 0 and timeout positive, not {workers} and {timeout}")
        self._preprocess, self._limits, self._keep = preprocess, limits or Limits(), keep
        setup = pickle.dumps((self._limits, timeout))
        self._workers: list[Worker | ThreadWorker] = [Worker(setup, timeout=timeout) for _ in range(workers)]
        if not workers:
            self._workers += [ThreadWorker(timeout=timeout) for _ in range(cpu_count())]
        workers = len(self._workers)
        self._idle: queue.SimpleQueue[Worker | ThreadWorker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._look_ahead = max(_LOOK_AHEAD * workers, _MIN_LOOK_AHEAD)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="recall-decode")
        self._fetchers: ThreadPoolExecutor | None = None
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, args=(min(timeout / 10, 1.0),), daemon=True)
        self._watcher.name = "recall-decode-watcher"

    @property
    def seconds(self) -> float:
        """Seconds spent on photos so far, the sum over the workers."""
        return sum(worker.seconds for worker in self._workers)

    def imap(
        self,
        items: Iterable[T],
        path_of: Callable[[T], Path | bytes | None],
        sidecars_of: Callable[[T], tuple[Path, ...]] = lambda _: (),
        min_ahead: Callable[[], int] = lambda: 0,
    ) -> Generator[tuple[T, Photo | PictureError | None], None, None]:
        """Yield each item with its photo or its error, in the order of the items.

        Items are read in the caller's thread, a bounded number ahead. Only one call at a time may be in progress.
        Closing the iterator early ends the work within a second.

        Args:
            items: Any number of items; may be a generator.
            path_of: Returns the path of an item's file, or its content; None passes the item through without decoding.
            sidecars_of: Returns the paths of an item's sidecars.
            min_ahead: Returns how many items to read ahead at least; called again for each item.

        Raises:
            RecallError: A worker cannot be started.
            StorageError: The object store of an item cannot be used.
            ValueError: The pool is closed.
        """
        if self._closing.is_set():
            raise ValueError("the pool is closed")
        if not self._watcher.is_alive():
            self._watcher.start()
        source = iter(items)
        pending: deque[tuple[T, Future[Photo | PictureError] | None]] = deque()
        try:
            while True:
                for item in islice(source, max(0, max(self._look_ahead, min_ahead()) - len(pending))):
                    path = path_of(item)
                    future = None if path is None else self._submit(path, sidecars_of(item))
                    pending.append((item, future))
                if not pending:
                    return
                item, future = pending.popleft()
                yield item, None if future is None else future.result()
        finally:
            self._abandon([future for _, future in pending if future is not None])

    def close(self) -> None:
        """End the workers and the threads at once. Calling it twice is safe."""
        for threads in filter(None, (self._fetchers, self._threads)):
            threads.shutdown(wait=False, cancel_futures=True)
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

    def _submit(self, source: Path | bytes, sidecars: tuple[Path, ...]) -> Future[Photo | PictureError]:
        """Have a file or its content decoded; an object is fetched first, in a thread that waits for its decoder."""
        if not isinstance(source, ObjectPath):
            return self._threads.submit(self._decode, *self._sendable(source, sidecars))
        if self._fetchers is None:
            self._fetchers = ThreadPoolExecutor(item_files.THREADS, thread_name_prefix="recall-fetch")
        return self._fetchers.submit(self._fetch_and_decode, source, sidecars)

    def _fetch_and_decode(self, source: Path | bytes, sidecars: tuple[Path, ...]) -> Photo | PictureError:
        return self._threads.submit(self._decode, *self._sendable(source, sidecars)).result()

    def _sendable(self, source: Path | bytes, sidecars: tuple[Path, ...]) -> tuple[FileOrBytes, tuple[File, ...]]:
        files = tuple(fetched(file, limits=sidecar_limits(file)) for file in sidecars)
        return sendable(source, limits=self._limits), files

    def _decode(self, source: FileOrBytes, sidecars: tuple[File, ...]) -> Photo | PictureError:
        """Return a worker's result for a file or its content; runs in one of the threads."""
        worker = self._idle.get()  # does not block: there are as many threads as workers
        try:
            return worker.run(
                partial(
                    read_photo,
                    source,
                    preprocess=self._preprocess,
                    limits=self._limits,
                    sidecars=sidecars,
                    keep=self._keep,
                )
            )
        finally:
            self._idle.put(worker)

    def _watch(self, tick: float) -> None:
        """Kill workers that exceed the time limit, until the pool closes; a timer per photo would cost 0.4 ms."""
        while not self._closing.wait(tick):
            for worker in self._workers:
                worker.kill_if_late()

    def _abandon(self, futures: list[Future[Photo | PictureError]]) -> None:
        """Cancel the futures that have not started, and end the others."""
        running = [future for future in futures if not future.cancel()]
        while wait(running, timeout=_CLOSE_SECONDS).not_done:
            for worker in self._workers:
                worker.kill()
