"""Photos decoded in worker processes, so that a crash, a hang or a memory bomb costs one item.

Each worker is a fresh interpreter that reads paths from its standard input and writes photos to its standard output,
both as frames of a length and that many bytes. `multiprocessing` is not used: its "spawn" imports the app's main module
again, and its "fork" copies a process in which torch and the pool have threads.
"""

from __future__ import annotations

import importlib
import math
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from PIL import Image

from indexer.errors import FailureKind, PictureError, RecallError
from indexer.images import Limits, Photo, read_photo
from indexer.types import Preprocess

T = TypeVar("T")

_LOOK_AHEAD = 16
"""Items taken from the caller per worker before the first of them is given back: answers come in the order of the
items, and this many keep the other workers busy while one decodes a picture that is this many times slower."""

_START_SECONDS = 120.0
"""Time for a worker to start; it takes 0.3 s here, and this leaves room for a cold network disk."""

_CLOSE_SECONDS = 0.5
"""Time for items in work to end by themselves when the caller stops early; then their workers are killed."""

_SECONDS_AFTER_PARENT = 5
"""A worker whose parent was killed ends when it finds its input closed, and, if a decoder hangs, this long after the
item's limit."""

_BYTES_PER_PIXEL = 16
"""Memory that a decoding picture may take: four copies (decoded, converted, laid on white, turned) at Pillow's four
bytes a pixel."""

_BYTES_BESIDE = 1024**3
"""Address space for the interpreter, its libraries (0.4 GB) and the square that is made."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""A worker is one thread among others of its kind; pools inside would only take address space."""

_ONE_THREAD_OPTIONS = (
    ("PIL.AvifImagePlugin", "DEFAULT_MAX_THREADS", 1),
    ("pillow_heif.options", "DECODE_THREADS", 1),
    ("pillow_jxl.JpegXLImagePlugin", "DECODE_THREADS", 0),
)
"""Module, option, value: these decoders would start a thread per core."""

_BOOT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[1:]; "
    "from indexer.decode import serve; serve()"
)

_LENGTH = struct.Struct("<Q")


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
        self._workers = [_Worker(order, timeout=timeout) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="recall-decode")

    @property
    def seconds(self) -> float:
        """Seconds spent on photos so far, summed over the workers, so that it may pass the time on the clock."""
        return sum(worker.seconds for worker in self._workers)

    def imap(self, items: Iterable[T], key: Callable[[T], Path]) -> Iterator[tuple[T, Photo | PictureError]]:
        """Yield each item with its photo, or with the reason why it has none, in the order of the items.

        Items are pulled in the caller's thread, a bounded number ahead of what is yielded. One call at a time may be
        in progress. Closing the iterator early ends the work within a second.

        Args:
            items: Of any length; may be a generator.
            key: Where an item's file is.

        Raises:
            RecallError: No worker can be started.
        """
        source = iter(items)
        pending: deque[tuple[T, Future[Photo | PictureError]]] = deque()
        try:
            while True:
                for item in islice(source, _LOOK_AHEAD * len(self._workers) - len(pending)):
                    pending.append((item, self._threads.submit(self._decode, key(item))))
                if not pending:
                    return
                item, future = pending.popleft()
                yield item, future.result()
        finally:
            self._abandon([future for _, future in pending])

    def close(self) -> None:
        """End the workers and the threads at once; safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.retire()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, path: Path) -> Photo | PictureError:
        """Return what a worker makes of a file; runs in one of the threads."""
        worker = self._idle.get()  # never waits: there are as many threads as workers
        try:
            return worker.decode(path)
        finally:
            self._idle.put(worker)

    def _abandon(self, futures: list[Future[Photo | PictureError]]) -> None:
        """Cancel what has not begun, and end what has."""
        running = [future for future in futures if not future.cancel()]
        while wait(running, timeout=_CLOSE_SECONDS).not_done:
            for worker in self._workers:
                worker.kill()


class _Worker:
    """One process that decodes, started when it is needed and again when it died."""

    def __init__(self, order: bytes, *, timeout: float) -> None:
        self._order = order
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._retired = False
        self.seconds = 0.0

    def decode(self, path: Path) -> Photo | PictureError:
        """Return what the process makes of a file, or how it died over it."""
        process = self._running()
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(self._timeout, expire)
        timer.daemon = True
        began = time.perf_counter()
        timer.start()
        try:
            answer = _ask(process, os.fsencode(path))
        finally:
            timer.cancel()
            timer.join()  # from here on it cannot kill the process over the next item
            self.seconds += time.perf_counter() - began
        if answer is None or expired.is_set():
            code = self.stop()
            if expired.is_set():
                message = f"decoding took longer than {self._timeout:g} seconds"
                return PictureError(FailureKind.TIMED_OUT, message)
            return PictureError(FailureKind.CRASHED, f"the decoder died on it ({_cause(code)})")
        return PictureError(*answer) if isinstance(answer, tuple) else answer

    def kill(self) -> None:
        """End the process at once; from any thread, at any time."""
        process = self._process
        if process is not None:
            process.kill()

    def retire(self) -> None:
        """End the process at once, and any that a thread is just starting."""
        self._retired = True
        self.kill()

    def stop(self) -> int:
        """End the process, close its pipes and return its exit code, negative for a signal."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader
                    pipe.close()
        return process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process, started if there is none that lives."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()  # killed from outside between two items
        if self._process is None:
            self._process = process = _start()
            if self._retired:  # asked only now: `retire` sets this first and then looks for the process
                process.kill()
            if not _greet(process, self._order):
                process.kill()
                last_words = _last_line(process.stderr)
                raise RecallError(f"no process that decodes photos can be started ({_cause(self.stop())}{last_words})")
        return self._process


def _start() -> subprocess.Popen[bytes]:
    """Return a new worker process that imports what this one would."""
    here = str(Path(__file__).resolve().parents[1])  # also where an import hook found this package
    paths = [*(os.path.abspath(entry) for entry in sys.path), here]  # noqa: PTH100 "" is the working directory
    command = [sys.executable, "-I", "-c", _BOOT, *paths]
    environment = {**os.environ, **_ONE_THREAD}
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
    except OSError as error:
        raise RecallError(f"no process that decodes photos can be started ({error})") from error


def _greet(process: subprocess.Popen[bytes], order: bytes) -> bool:
    """Tell a new worker what to do and return whether it is ready."""
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.daemon = True
    timer.start()
    try:
        ready = _exchange(process, order) is not None
    finally:
        timer.cancel()
        timer.join()
    if ready and process.stderr is not None:
        process.stderr.close()
    return ready


def _ask(process: subprocess.Popen[bytes], path: bytes) -> Photo | tuple[FailureKind, str] | None:
    """Return a worker's answer about a file, None if it died."""
    answer = _exchange(process, path)
    if answer is None:
        return None
    found: Photo | tuple[FailureKind, str] = pickle.loads(answer)  # noqa: S301 written by our own process
    return found


def _exchange(process: subprocess.Popen[bytes], question: bytes) -> bytes | None:
    """Send a worker a frame and return the frame that it answers, None if it died."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a worker has pipes")
    try:
        _send(process.stdin, question)
    except OSError:
        return None
    return _receive(process.stdout)


def _send(pipe: IO[bytes], body: bytes) -> None:
    """Write one frame."""
    pipe.write(_LENGTH.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next frame's body, None where the pipe ends."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    return body if len(body) == length else None


def _cause(code: int) -> str:
    """Return how a process ended, in words for people."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _last_line(pipe: IO[bytes] | None) -> str:
    """Return the last line that a dead process wrote to its standard error, after a colon, or nothing."""
    lines = pipe.read().decode(errors="replace").split("\n") if pipe is not None else []
    line = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {line[:200]}" if line else ""


def serve() -> None:
    """Answer the frames on standard input until it is closed; what a worker process runs."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    order = _receive(questions)
    if order is None:
        return
    preprocess, limits, timeout = pickle.loads(order)  # noqa: S301 written by the process that started this one
    _confine(limits)
    _send(answers, b"ready")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # what C libraries print would garble the frames and the app's progress bar
        os.dup2(nowhere, stream)
    while (path := _receive(questions)) is not None:
        _set_alarm(math.ceil(timeout) + _SECONDS_AFTER_PARENT)
        answer = _answer(Path(os.fsdecode(path)), preprocess, limits)
        _set_alarm(0)
        _send(answers, pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))


def _answer(path: Path, preprocess: Preprocess, limits: Limits) -> Photo | tuple[FailureKind, str]:
    """Return a file's photo, or the kind and the message of its failure: an error of two arguments does not pickle."""
    try:
        return read_photo(path, preprocess=preprocess, limits=limits)
    except PictureError as error:
        return error.kind, str(error)


def _confine(limits: Limits) -> None:
    """Set what is global to a process and may be set here, because the process is ours."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # some decoders of Pillow ask this before they allocate
    for module, option, value in _ONE_THREAD_OPTIONS:
        with suppress(ImportError):
            setattr(importlib.import_module(module), option, value)
    try:
        import resource  # not on Windows
    except ImportError:
        return
    wanted = _BYTES_BESIDE + _BYTES_PER_PIXEL * limits.max_pixels + 2 * limits.max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):  # macOS knows the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _set_alarm(seconds: int) -> None:
    """Have the system end this process after so many seconds, never for 0; where the system can."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
