"""One worker process, seen from the thread that owns it."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from indexer.errors import FailureKind, PictureError, RecallError
from indexer.images import Photo
from indexer.images.workers.framing import receive, send

_START_SECONDS = 120.0
"""Time for a worker to start; it takes 0.3 s here, and this leaves room for a cold network disk."""

_PIPE_SIZE = 1 << 20
"""Bytes a pipe holds where the system lets us choose: a whole photo (448 x 448 x 3 is 0.6 MB), so that a worker goes on
before its thread has read."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""A worker is one thread among others of its kind; pools inside would only take address space."""

_BOOT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[1:]; "
    "from indexer.images.workers.child import serve; serve()"
)


class Worker:
    """One process that decodes, started when it is needed and again when it died.

    One thread at a time may call `decode`; `kill`, `kill_if_late` and `retire` may come from any.
    """

    def __init__(self, order: bytes, *, timeout: float) -> None:
        self._order = order
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._retired = False
        self._lock = threading.Lock()  # of the next two
        self._deadline = math.inf
        self._late = False
        self.seconds = 0.0

    def decode(self, path: Path, sidecar: Path | None = None) -> Photo | PictureError:
        """Return what the process makes of a file and the XMP file beside it, or how it died over it."""
        process = self._running()
        began = time.perf_counter()
        self._begin(self._timeout)
        try:
            question = path.absolute(), sidecar and sidecar.absolute()  # the app may change its folder
            answer = _ask(process, pickle.dumps(question))
        finally:
            late = self._end()
            self.seconds += time.perf_counter() - began
        if late:
            self.stop()
            return PictureError(FailureKind.TIMED_OUT, f"decoding took longer than {self._timeout:g} seconds")
        if answer is None:
            return PictureError(FailureKind.CRASHED, f"the decoder died on it ({_cause(self.stop())})")
        return PictureError(*answer) if isinstance(answer, tuple) else answer

    def _begin(self, seconds: float) -> None:
        """Have the process killed unless `_end` comes in time."""
        with self._lock:
            self._deadline, self._late = time.monotonic() + seconds, False

    def _end(self) -> bool:
        """Return whether the process was killed for being late; from here on it will not be."""
        with self._lock:
            self._deadline = math.inf
            return self._late

    def kill_if_late(self) -> None:
        """End the process if what it does takes longer than it may; to be called now and then."""
        with self._lock:
            if time.monotonic() > self._deadline:
                self._late = True
                self.kill()

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
            self._begin(_START_SECONDS)
            ready = _exchange(process, self._order) is not None
            self._end()
            if not ready:
                process.kill()
                last_words = _last_line(process.stderr)
                raise RecallError(f"no process that decodes photos can be started ({_cause(self.stop())}{last_words})")
            if process.stderr is not None:
                process.stderr.close()
        return self._process


def _start() -> subprocess.Popen[bytes]:
    """Return a new worker process that imports what this one would."""
    here = str(Path(__file__).resolve().parents[3])  # also where an import hook found this package
    paths = [*(os.path.abspath(entry) for entry in sys.path), here]
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
        raise RecallError(f"no process that decodes photos can be started ({error})") from error


def _ask(process: subprocess.Popen[bytes], question: bytes) -> Photo | tuple[FailureKind, str] | None:
    """Return a worker's answer about a file, None if it died."""
    answer = _exchange(process, question)
    if answer is None:
        return None
    found: Photo | tuple[FailureKind, str] = pickle.loads(answer)  # noqa: S301 written by our own process
    return found


def _exchange(process: subprocess.Popen[bytes], question: bytes) -> bytes | None:
    """Send a worker a frame and return the frame that it answers, None if it died."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a worker has pipes")
    try:
        send(process.stdin, question)
    except OSError:
        return None
    return receive(process.stdout)


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
