"""A worker process, as seen by the thread that owns it."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from indexer.errors import FailureKind, PictureError, RecallError
from indexer.forking import ForkSafe, give_up_descriptor, keep_for_parent, watch_forks
from indexer.images.file_reader import FileOrBytes, Limits, fetched
from indexer.images.workers.framing import receive, send

T = TypeVar("T")

_START_SECONDS = 120.0
"""Time limit for a worker to start. It takes 0.3 s here; a cold network disk is slower."""

_PIPE_SIZE = 1 << 20
"""Bytes that a pipe holds, on Linux: a whole photo (448 x 448 x 3 is 0.6 MB), so that a worker continues before its
thread has read."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""Workers run in parallel already; thread pools inside them would only take address space."""

_BOOT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[1:]; "
    "from indexer.images.workers.child import serve; serve()"
)


_SPARE: list[subprocess.Popen[bytes]] = []
"""A process that waits for its first worker, or none; all workers start in the same way."""


def sendable(source: Path | bytes, *, limits: Limits) -> FileOrBytes:
    """Return a path that stays right if the app changes its working folder, an object with its bytes, or bytes.

    Raises:
        StorageError: The object store cannot be used.
    """
    return fetched(source, limits=limits) if isinstance(source, Path) else source


def start_spare() -> None:
    """Start a process for the next worker that needs one: a program may do other work until it is ready."""
    if not _SPARE:
        _SPARE.append(_start())


def _give_up(process: subprocess.Popen[bytes] | None) -> None:
    """Let go of a process that belongs to the parent of this one, without ending it or writing to it."""
    if process is not None:
        keep_for_parent(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                give_up_descriptor(pipe.fileno())


def _give_up_spare() -> None:
    while _SPARE:
        _give_up(_SPARE.pop())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_give_up_spare)


class Worker(ForkSafe):
    """A process that decodes; it is started when needed, and again if it died.

    Only one thread at a time may call `run` and `start`. Any thread may call `kill`, `kill_if_late` and `retire`.
    """

    def __init__(self, setup: bytes, *, timeout: float) -> None:
        self._setup = setup
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._retired = False
        self._lock = threading.Lock()  # for the next two
        self._deadline = math.inf
        self._is_late = False
        self.seconds = 0.0
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have no process: the one there is answers the parent."""
        _give_up(self._process)
        self._process, self._is_ready, self._lock = None, False, threading.Lock()

    def run(self, task: Callable[[], T]) -> T | PictureError:
        """Return the result of a task in the process, or the error with which it failed.

        Args:
            task: Called in the process. It and its result can be pickled, and its paths are absolute.

        Raises:
            RecallError: The process cannot be started.
        """
        process = self._start_if_needed()
        start = time.perf_counter()
        self._start_deadline(self._timeout)
        try:
            response = _request(process, pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL))
        finally:
            is_late = self._clear_deadline()
            self.seconds += time.perf_counter() - start
        if is_late:
            self.stop()
            return PictureError(FailureKind.TIMED_OUT, f"decoding took longer than {self._timeout:g} seconds")
        if response is None:
            return PictureError(FailureKind.CRASHED, f"the decoder crashed ({_exit_cause(self.stop())})")
        kind, result = response
        return result if kind is None else PictureError(kind, result)

    def start(self) -> None:
        """Start the process if there is none, without waiting until it is ready."""
        if self._process is None:
            self._process, self._is_ready = _SPARE.pop() if _SPARE else _start(), False

    def _start_deadline(self, seconds: float) -> None:
        """Have the process killed after this many seconds unless `_clear_deadline` is called."""
        with self._lock:
            self._deadline, self._is_late = time.monotonic() + seconds, False

    def _clear_deadline(self) -> bool:
        """Remove the deadline, and return whether the process was killed because it had passed."""
        with self._lock:
            self._deadline = math.inf
            return self._is_late

    def kill_if_late(self) -> None:
        """End the process if its deadline has passed; to be called regularly."""
        with self._lock:
            if time.monotonic() > self._deadline:
                self._is_late = True
                self.kill()

    def kill(self) -> None:
        """End the process at once."""
        process = self._process
        if process is not None:
            process.kill()

    def retire(self) -> None:
        """End the process at once, including one that another thread is starting."""
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
                with suppress(OSError):  # unwritten data has no reader any more
                    pipe.close()
        return process.wait()

    def _start_if_needed(self) -> subprocess.Popen[bytes]:
        """Return the running process; start one if there is none."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()  # killed by another program between two items
        self.start()
        process = self._process
        if process is None:
            raise RecallError("the process that decodes photos was ended while it was started")
        if self._retired:  # checked after the start: `retire` sets this before it looks for the process
            process.kill()
        if not self._is_ready:
            self._wait_until_ready(process)
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Set up a started process."""
        self._start_deadline(_START_SECONDS)
        self._is_ready = _exchange(process, self._setup) is not None
        self._clear_deadline()
        if not self._is_ready:
            process.kill()
            reason = _last_line(process.stderr)
            raise RecallError(f"a process that decodes photos cannot be started ({_exit_cause(self.stop())}{reason})")
        if process.stderr is not None:
            process.stderr.close()


def _start() -> subprocess.Popen[bytes]:
    """Return a new worker process that imports from the same folders as this one."""
    package_root = str(Path(__file__).resolve().parents[3])  # this package may come from an import hook
    paths = [*(os.path.abspath(entry) for entry in sys.path), package_root]
    command = [sys.executable, "-I", "-c", _BOOT, *paths]
    environment = {**os.environ, **_ONE_THREAD}
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pipesize=_PIPE_SIZE,
        )
    except OSError as error:
        raise RecallError(f"a process that decodes photos cannot be started ({error})") from error


def _request(process: subprocess.Popen[bytes], task: bytes) -> tuple[FailureKind | None, Any] | None:
    """Return the kind of failure and a worker's result or message, None if the worker died."""
    body = _exchange(process, task)
    if body is None:
        return None
    response: tuple[FailureKind | None, Any] = pickle.loads(body)  # noqa: S301 written by our own process
    return response


def _exchange(process: subprocess.Popen[bytes], body: bytes) -> bytes | None:
    """Send a frame to a worker and return its response, None if the worker died."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a worker has pipes")
    try:
        send(process.stdin, body)
    except OSError:
        return None
    return receive(process.stdout)


def _exit_cause(code: int) -> str:
    """Return how a process ended, for a message."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _last_line(pipe: IO[bytes] | None) -> str:
    """Return a colon and the last line that an ended process wrote to its standard error, "" without one."""
    lines = pipe.read().decode(errors="replace").split("\n") if pipe is not None else []
    line = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {line[:200]}" if line else ""
