"""What a fork must not copy: locks, connections, processes and threads belong to the process that made them.

An object that has such things registers by `watch_forks`. All that is registered prepares before a fork, in the process
that forks, and is made usable again in the new process before anything else runs there.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - see load_fork_hooks
import os
import threading
from weakref import WeakSet


class ForkSafe:
    """Base class of objects that stay usable in a forked process; each overrides what it needs."""

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
"""For the two above; held from before a fork until after it, so that one thread forks at a time."""


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


def give_up_descriptor(descriptor: int | None) -> None:
    """Let a file descriptor that was inherited from the parent lead nowhere, so that closing it changes nothing."""
    if descriptor is not None:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, descriptor, inheritable=False)
        os.close(null)


def _before() -> None:
    _LOCK.acquire()
    _FORKING[:] = list(_OBJECTS)
    for watched in _FORKING:
        watched.before_fork()


def _in_parent() -> None:
    for watched in _FORKING:
        watched.after_fork_in_parent()
    _FORKING.clear()
    _LOCK.release()


def _in_child() -> None:
    global _LOCK  # noqa: PLW0603 - no other thread of this process can release the parent's
    _LOCK = threading.RLock()
    for watched in _FORKING:
        watched.after_fork_in_child()
    _FORKING.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
