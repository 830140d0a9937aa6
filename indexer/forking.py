"""What a fork must not copy: locks, connections, processes and threads belong to the process that made them.

An object that has such things registers by `watch_forks`. All that is registered prepares before a fork, in the process
that forks, and is made usable again in the new process before anything else runs there.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - see load_fork_hooks
import os
import threading
from functools import cache
from typing import ClassVar
from weakref import WeakSet

FORK_SECONDS = 10.0
"""Seconds that a fork waits for each thing that other threads do and that should end before it."""


class ForkSafe:
    """Base class of objects that stay usable in a forked process; each overrides what it needs."""

    prepares_first: ClassVar[bool] = False
    """Whether it prepares before all others and before other packages do, so that what it waits for can still end."""

    def before_fork(self) -> None:
        """Prepare in the process that forks."""

    def after_fork_in_parent(self) -> None:
        """Go on in the process that forked."""

    def after_fork_in_child(self) -> None:
        """Become usable in the new process, which has one thread; what the parent uses must not be closed."""


_OBJECTS: WeakSet[ForkSafe] = WeakSet()
_FORKING: list[ForkSafe] = []
"""The objects that are prepared for the fork in progress."""

_LOCK = threading.RLock()
"""For the objects; held from before a fork until after it, but not while those that prepare first wait."""

_FORK_LOCK = threading.RLock()
"""Held from before a fork until after it, so that one thread forks at a time."""


def watch_forks(watched: ForkSafe) -> None:
    """Let an object prepare for forks as long as it exists."""
    with _LOCK:
        _OBJECTS.add(watched)


def keep_for_parent(*things: object) -> None:
    """Never delete things of the parent process in this one, not even when the interpreter ends.

    Their destructors would close what the parent still uses, or wait for threads that exist only there.
    """
    from ctypes import py_object, pythonapi  # late: few processes fork

    for thing in things:
        pythonapi.Py_IncRef(py_object(thing))


def load_fork_hooks() -> None:
    """Import the packages that have something to do at a fork and would else be imported by a thread that writes.

    What they do after a fork fails if they were imported while the fork waited for that thread.
    """
    import filelock  # noqa: F401 - late: programs that only read and never fork need it not

    _register_first()


def give_up_descriptor(descriptor: int | None) -> None:
    """Let a file descriptor that was inherited from the parent lead nowhere, so that closing it changes nothing."""
    if descriptor is not None:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, descriptor, inheritable=False)
        os.close(null)


def _before_all() -> None:
    """Prepare the objects that do so first."""
    _FORK_LOCK.acquire()
    with _LOCK:
        first = [watched for watched in _OBJECTS if watched.prepares_first]
    for watched in first:
        watched.before_fork()
    _FORKING[:] = first


def _before() -> None:
    _FORK_LOCK.acquire()
    _LOCK.acquire()
    others = [watched for watched in _OBJECTS if not watched.prepares_first]
    _FORKING.extend(others)
    for watched in others:
        watched.before_fork()


def _in_parent() -> None:
    for watched in _FORKING:
        watched.after_fork_in_parent()
    _FORKING.clear()
    _LOCK.release()
    _FORK_LOCK.release()


def _in_child() -> None:
    global _LOCK, _FORK_LOCK
    _LOCK, _FORK_LOCK = threading.RLock(), threading.RLock()  # no thread of this process could release the parent's
    for watched in _FORKING:
        watched.after_fork_in_child()
    _FORKING.clear()


def _end() -> None:
    _FORK_LOCK.release()


@cache
def _register_first() -> None:
    """Let the objects that prepare first do so from now on: the function that is registered last runs first."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_all, after_in_parent=_end)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
