"""Calls of a library's methods in progress: they end before its files are closed, and none begins afterwards.

They also end before this process forks, except for long ones: a thread within numpy's or ONNX Runtime's code may hold a
lock there, which no thread of the new process would give back.
"""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from indexer.config import Settings
from indexer.errors import ConnectionLostError, LibraryClosedError, RecallError
from indexer.forking import FORK_SECONDS, ForkSafe, watch_forks
from indexer.store import Store
from indexer.types import Progress, ProgressCallback

logger = logging.getLogger(__name__)

L = TypeVar("L", bound=type)
T = TypeVar("T")

_CLOSE_SECONDS = 5.0
"""Seconds that `close` waits for calls in other threads; a call looks at each access to the catalog whether to end."""

_METHODS = ("__len__", "__contains__", "__iter__")
"""Methods of the language that read the library."""

_ANSWERS = ("search", "search_many", "explain")
"""Methods that are over soon although they report progress, namely while an index is built."""


class Calls(ForkSafe):
    """The calls in progress of one open library; safe to use from several threads."""

    prepares_first = True  # a call that reads the catalog must be able to end

    def __init__(self, store: Store, settings: Settings) -> None:
        """Count the calls that use a store; the last one closes it if `close` could not wait for it.

        Args:
            store: The library's store.
            settings: What `active_settings` returns within a call.
        """
        self._store, self._settings = store, settings
        self._lock = threading.Condition()
        self._threads: list[int] = []  # one entry for each call
        self._short: list[int] = []  # those of them that a fork waits for
        self._is_closed = self._is_released = self._is_forking = False
        watch_forks(self)

    def before_fork(self) -> None:
        """Wait until the short calls of other threads have ended; none begins until the fork is over."""
        thread = threading.get_ident()
        self._lock.acquire()
        self._is_forking = True
        self._lock.wait_for(lambda: all(other == thread for other in self._short), timeout=FORK_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Let calls begin again."""
        self._is_forking = False
        self._lock.notify_all()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Forget the calls of the parent."""
        self._lock, self._threads, self._short, self._is_forking = threading.Condition(), [], [], False

    @contextmanager
    def call(self, *, is_long: bool = False) -> Iterator[None]:
        """Count the block as a call.

        Args:
            is_long: Whether it may take so long that a fork must not wait for it.

        Raises:
            LibraryClosedError: The library is closed, or another thread closed it within the block.
        """
        threads, short, thread = self._threads, self._short, threading.get_ident()
        with self._lock:
            while self._is_forking and thread not in threads:
                self._lock.wait()
            self._store.check_open()
            threads.append(thread)
            if not is_long:
                short.append(thread)
        try:
            with self._settings.active():
                yield
        except LibraryClosedError:
            raise
        except RecallError:  # for instance of a decoder process that was ended by `close`
            self._store.check_open()
            raise
        finally:
            with self._lock:
                threads.remove(thread)
                if not is_long:
                    short.remove(thread)
                is_last = self._is_closed and not self._threads
                self._lock.notify_all()
            if is_last:
                self._release()

    def close(self) -> None:
        """Refuse further calls, wait for those of other threads, and close the store."""
        thread = threading.get_ident()
        self._store.refuse()
        with self._lock:
            self._is_closed = True
            self._lock.wait_for(lambda: all(other == thread for other in self._threads), timeout=_CLOSE_SECONDS)
            is_unused = not self._threads
        if is_unused:
            self._release()

    def progress(self, report: ProgressCallback | None) -> ProgressCallback:
        """Return a callback that raises LibraryClosedError once the library is closed, and else calls `report`."""

        def look(progress: Progress) -> None:
            self._store.check_open()
            if report is not None:
                report(progress)

        return look

    def _release(self) -> None:
        with self._lock:
            if self._is_released:
                return
            self._is_released = True
        self._store.close()


def counts_calls(library: L) -> L:
    """Return a class whose public methods count as calls, see `Calls`; it decorates `Library`."""
    for name, method in list(vars(library).items()):
        if inspect.isfunction(method) and (not name.startswith("_") or name in _METHODS):
            setattr(library, name, _counted(method))
    return library


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    has_progress = "progress" in inspect.signature(method).parameters
    is_long = has_progress and method.__name__ not in _ANSWERS

    @functools.wraps(method)
    def call(self: Any, *args: Any, **arguments: Any) -> Any:
        calls = self._calls
        with calls.call(is_long=is_long):
            if has_progress:
                arguments["progress"] = calls.progress(arguments.get("progress"))
            result = _again_if_lost(self._store, lambda: method(self, *args, **arguments))
        return _counted_iterator(calls, result) if inspect.isgenerator(result) else result

    return call


def _again_if_lost(store: Store, method: Callable[[], T]) -> T:
    """Return what a method returns; one that only read runs again if the server was stopped while it read."""
    writes = store.writes_of_thread
    try:
        return method()
    except ConnectionLostError as error:
        if not error.was_connected or store.writes_of_thread != writes:
            raise
        return method()


def _counted_iterator(calls: Calls, items: Iterator[Any]) -> Iterator[Any]:
    """Yield the items of a generator; each one is read in a call of its own."""
    end = object()
    while True:
        with calls.call():
            item = next(items, end)
        if item is end:
            return
        yield item
