"""Reading of single pictures, such as those of queries, with the bounds of indexing."""

from __future__ import annotations

import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.config import is_frozen
from indexer.errors import PictureError
from indexer.forking import ForkSafe, watch_forks
from indexer.images import Limits, PhotoMetadata, open_picture, read_pixels
from indexer.images.file_reader import FileOrBytes
from indexer.images.thumbnail import (
    SentPicture,
    ThumbnailSize,
    jpeg_thumbnail,
    look_at_sent,
    small_thumbnail,
    webp_thumbnail,
)
from indexer.images.workers.thread_worker import ThreadWorker
from indexer.images.workers.worker import Worker, sendable
from indexer.types import Pixels, Preprocess

T = TypeVar("T")

_MAX_WORKERS = min(4, os.cpu_count() or 1)
"""Pictures that are decoded at once, at most; further threads wait."""


class PictureReader(ForkSafe):
    """Reads pictures in processes of its own, or in threads; any thread may call it.

    A process starts when it is needed and waits for the next picture until `close`, so only the first one waits for its
    start. If a picture ends it, the next one gets a new process.
    """

    def __init__(self, *, limits: Limits, timeout: float, in_threads: bool = False) -> None:
        """Create a reader without starting a process.

        Args:
            limits: Pixel and byte limits.
            timeout: Seconds that one picture may take.
            in_threads: Whether to decode in threads of this process, see `ThreadWorker`.
        """
        self._limits, self._timeout, self._in_threads = limits, timeout, in_threads
        self._idle: list[Worker | ThreadWorker] = []
        self._workers: set[Worker | ThreadWorker] = set()
        self._lock = threading.Lock()  # for the two above
        self._slots = threading.Semaphore(_MAX_WORKERS)
        weakref.finalize(self, _stop, self._workers)  # for apps that close nothing
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have no workers: those of the parent may be in use."""
        self._lock, self._slots = threading.Lock(), threading.Semaphore(_MAX_WORKERS)
        self._idle.clear()
        self._workers.clear()

    def start(self) -> None:
        """Start a process if none is waiting, and return at once; it becomes ready while the caller does other work."""
        with self._worker() as worker:
            worker.start()

    def pixels(self, source: Path | bytes | Image.Image, *, preprocess: Preprocess) -> Pixels:
        """Return a picture as an encoder reads it, shape (size, size, 3); see `read_pixels`.

        A Pillow picture is the app's: it is used, and decoded if it is not yet, in this process.

        Raises:
            PictureError: The picture cannot be read; the message is one line without the path.
            RecallError: A process cannot be started.
        """
        if isinstance(source, Image.Image):
            return read_pixels(source, preprocess=preprocess, limits=self._limits)
        return self._read(read_pixels, source, preprocess=preprocess)

    def picture(self, source: Path | bytes) -> tuple[Image.Image, PhotoMetadata]:
        """Return an upright RGB picture at full size, and its metadata; raises as `pixels` does."""
        pixels, metadata = self._read(_open_array, source)
        return Image.fromarray(pixels), metadata

    def metadata(self, path: Path) -> PhotoMetadata:
        """Return a picture's metadata; raises as `pixels` does."""
        return self._read(_read_metadata, path)

    def thumbnail(self, source: Path | bytes, *, side: int) -> bytes:
        """Return a reduced copy, as `jpeg_thumbnail` does; raises as `pixels` does."""
        return self._read(jpeg_thumbnail, source, side=side)

    def small_thumbnail(self, source: Path | bytes, *, side: int) -> bytes:
        """Return a reduced copy to look at, as `small_thumbnail` does; raises as `pixels` does."""
        return self._read(small_thumbnail, source, side=side)

    def look_at_sent(self, source: bytes, *, side: int) -> SentPicture:
        """Return size and thumbnail of a picture that somebody has sent; raises as `pixels` does."""
        return self._read(look_at_sent, source, side=side)

    def webp_thumbnail(self, source: Path | bytes, *, size: ThumbnailSize) -> bytes:
        """Return a reduced copy for web pages, as `webp_thumbnail` does; raises as `pixels` does."""
        return self._read(webp_thumbnail, source, size=size)

    def close(self) -> None:
        """End the processes; a later picture starts a new one."""
        with self._lock:
            idle = list(self._idle)
            busy = self._workers.difference(idle)
            self._idle.clear()
            self._workers.clear()
        for worker in idle:
            worker.stop()
        for worker in busy:
            worker.retire()  # its thread cleans up

    def _read(self, function: Callable[..., T], source: Path | bytes, **options: Any) -> T:
        """Return what a function makes of a picture in a process."""
        task = partial(function, sendable(source, limits=self._limits), limits=self._limits, **options)
        with self._worker() as worker, _ended_when_late(worker, tick=min(self._timeout / 10, 1.0)):
            result = worker.run(task)
        if isinstance(result, PictureError):
            raise result
        return result

    @contextmanager
    def _worker(self) -> Iterator[Worker | ThreadWorker]:
        """Yield a worker that no other thread uses."""
        with self._slots:
            with self._lock:
                worker = self._idle.pop() if self._idle else self._new_worker()
            try:
                yield worker
            except BaseException:  # also Ctrl-C: the answer to the last task may still come
                self._workers.discard(worker)
                raise
            finally:
                with self._lock:
                    is_usable = worker in self._workers
                    if is_usable:
                        self._idle.append(worker)
                if not is_usable:
                    worker.stop()

    def _new_worker(self) -> Worker | ThreadWorker:
        worker: Worker | ThreadWorker
        if self._in_threads:
            worker = ThreadWorker(timeout=self._timeout)
        else:
            worker = Worker(pickle.dumps((self._limits, self._timeout)), timeout=self._timeout)
        self._workers.add(worker)
        return worker


def shared_reader(timeout: float) -> PictureReader:
    """Return what reads pictures outside of a library until this process ends; in threads in a frozen app.

    Args:
        timeout: Seconds that one picture may take.
    """
    return _shared_reader(timeout, is_frozen())


@lru_cache
def _shared_reader(timeout: float, in_threads: bool) -> PictureReader:  # noqa: FBT001 - part of the cache's key
    return PictureReader(limits=Limits(), timeout=timeout, in_threads=in_threads)


def _stop(workers: set[Worker | ThreadWorker]) -> None:
    for worker in workers:
        worker.stop()


@contextmanager
def _ended_when_late(worker: Worker | ThreadWorker, *, tick: float) -> Iterator[None]:
    """End a worker whose time limit passes within the block."""
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.wait(tick):
            worker.kill_if_late()

    thread = threading.Thread(target=watch, name="recall-picture-watcher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _open_array(source: FileOrBytes, *, limits: Limits) -> tuple[NDArray[np.uint8], PhotoMetadata]:
    """Return an upright RGB picture, shape (height, width, 3), and its metadata."""
    picture, metadata = open_picture(source, limits=limits)
    return np.asarray(picture), metadata


def _read_metadata(source: FileOrBytes, *, limits: Limits) -> PhotoMetadata:
    """Return a picture's metadata."""
    return open_picture(source, limits=limits)[1]
