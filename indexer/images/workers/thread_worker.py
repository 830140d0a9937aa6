"""A worker that decodes in a thread of this process, for programs that cannot start others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from indexer.errors import FailureKind, PictureError
from indexer.forking import ForkSafe, watch_forks

T = TypeVar("T")

_Answer = tuple[Any, BaseException | None]
"""A result, or the exception that was raised in its place."""

_Tasks = SimpleQueue[tuple[Callable[[], Any], SimpleQueue[_Answer]] | None]
"""Tasks for a thread, each with the queue of its answer; None ends the thread."""


class ThreadWorker(ForkSafe):
    """Has the interface of `Worker`, and less to offer: a decoder that crashes ends this process.

    A task that exceeds the time limit fails, but its thread goes on until the decoder returns; the next task gets a new
    thread. Only one thread at a time may call `run`; any thread may call `kill` and `retire`.
    """

    def __init__(self, *, timeout: float) -> None:
        """Create a worker without starting a thread."""
        self._timeout = timeout
        self._tasks: _Tasks | None = None
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self.seconds = 0.0
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have no thread: it exists in the parent only."""
        self._tasks, self._answers = None, SimpleQueue()

    def run(self, task: Callable[[], T]) -> T | PictureError:
        """Return the result of a task, or the error with which it failed."""
        start = time.perf_counter()
        if self._tasks is None:
            self._tasks = _start_thread()
        self._answers = answers = SimpleQueue[_Answer]()
        self._tasks.put((task, answers))
        try:
            result, error = answers.get(timeout=min(self._timeout, threading.TIMEOUT_MAX))
        except Empty:
            self.stop()
            return PictureError(FailureKind.TIMED_OUT, f"decoding took longer than {self._timeout:g} seconds")
        finally:
            self.seconds += time.perf_counter() - start
        if isinstance(error, PictureError):
            if error.kind is FailureKind.CRASHED:
                self.stop()  # its thread is still busy
            return error
        if error is not None:
            raise error
        value: T = result
        return value

    def start(self) -> None:
        """Do nothing: a thread starts at once when it is needed."""

    def kill_if_late(self) -> None:
        """Do nothing: `run` itself waits no longer than the time limit."""

    def kill(self) -> None:
        """Let the task in progress fail at once; its thread goes on until the decoder returns."""
        self._answers.put((None, PictureError(FailureKind.CRASHED, "the decoder was ended")))

    retire = kill

    def stop(self) -> None:
        """End the thread when it has done its task."""
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            tasks.put(None)


def _start_thread() -> _Tasks:
    """Return the tasks of a new thread; the end of the program does not wait for it."""
    tasks: _Tasks = SimpleQueue()

    def serve() -> None:
        while (entry := tasks.get()) is not None:
            task, answers = entry
            try:
                answers.put((task(), None))
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
                answers.put((None, error))

    threading.Thread(target=serve, name="recall-decode-thread", daemon=True).start()
    return tasks
