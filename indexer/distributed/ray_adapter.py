"""Adapter module for Ray: makes parts on the machines of a cluster, and makes those of a lost machine again."""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before the import: otherwise a local cluster reports its use

import ray
from ray.exceptions import RayActorError, RayTaskError

from indexer.distributed.part_actor import Job, PartActor
from indexer.distributed.part_list import Part
from indexer.errors import ConfigError, RecallError

_AHEAD = 2
"""Parts that each actor has: one in work, and the next."""

_CONNECT_SECONDS = 10.0
"""Seconds for a connection to the head of a cluster."""

_MAX_DEATHS = 5
"""Deaths of actors that a part survives: one that no machine can make would otherwise end one after the other."""


def embed_on_cluster(
    address: str, parts: Iterable[Part], job: Job, *, on_written: Callable[[int, int, int], None]
) -> None:
    """Make parts on a cluster: with one actor for each GPU, or, without GPUs, one for each machine.

    An actor takes all processors of its machine, unless the settings say how many workers and threads there are. If
    its machine dies, the others get its parts, and a new actor joins them as soon as Ray finds room for it.

    Args:
        address: "HOST:PORT" of the cluster's head, "auto" for the one of this machine, or "local" for a new one.
        parts: The parts.
        job: What they have in common.
        on_written: Called with the number of each part, and its counts of items and failures.

    Raises:
        ConfigError: No cluster answers at the address, or it has no machine with a processor.
        RecallError: What an actor raises, such as StorageError; complete parts are kept.
    """
    with _connected(address):
        actors = _Actors(job, iter(parts), on_written)
        try:
            actors.run()
        finally:
            actors.end()


class _Actors:
    """The actors of a run, and the parts that they have. Handles and references of Ray have no type."""

    def __init__(self, job: Job, parts: Iterator[Part], on_written: Callable[[int, int, int], None]) -> None:
        self._job, self._parts, self._on_written = job, parts, on_written
        number, options = _resources(job)
        self._class: Any = ray.remote(max_restarts=0, **options)(PartActor)
        self._starting: dict[Any, Any] = {}  # actors by what their start returns
        self._running: dict[Any, tuple[Any, Part]] = {}  # actors with their part by what they return
        self._alive: list[Any] = []
        self._again: deque[Part] = deque()
        self._deaths: Counter[int] = Counter()
        for _ in range(number):
            self._start_actor()

    def run(self) -> None:
        """Make all parts."""
        while True:
            for actor in self._alive:
                self._give_parts(actor)
            if self._alive and not self._running:
                return
            (done,), _ = ray.wait([*self._running, *self._starting], num_returns=1)
            if done in self._starting:
                self._started(done)
            else:
                self._made(done)

    def end(self) -> None:
        """End the actors."""
        for actor in [*self._alive, *self._starting.values()]:
            ray.kill(actor)

    def _start_actor(self) -> None:
        actor = self._class.remote()
        self._starting[actor.start.remote(self._job)] = actor

    def _started(self, done: Any) -> None:
        actor = self._starting.pop(done)
        try:
            _result(done)
        except RayActorError:
            self._start_actor()
        else:
            self._alive.append(actor)

    def _give_parts(self, actor: Any) -> None:
        """Give an actor its next parts."""
        while sum(other is actor for other, _ in self._running.values()) < _AHEAD:
            part = self._again.popleft() if self._again else next(self._parts, None)
            if part is None:
                return
            self._running[actor.embed.remote(part)] = actor, part

    def _made(self, done: Any) -> None:
        """Count a part, or give it to another actor if this one has died."""
        actor, part = self._running.pop(done)
        try:
            self._on_written(*_result(done))
        except RayActorError as error:
            self._again.append(part)
            self._deaths[part.number] += 1
            if self._deaths[part.number] > _MAX_DEATHS:
                raise RecallError(
                    f"part {part.number}, from {part.files[0].path}, has ended {_MAX_DEATHS + 1} processes of the "
                    f"cluster ({_first_line(error)}); see Ray's logs, or use fewer --workers"
                ) from error
            if any(other is actor for other in self._alive):
                self._alive = [other for other in self._alive if other is not actor]
                self._start_actor()


def _result(reference: Any) -> Any:
    """Return an actor's answer; what it raised is raised here as it was there."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, RecallError):
            raise error.cause from None
        raise


def _resources(job: Job) -> tuple[int, dict[str, Any]]:
    """Return how many actors the cluster has room for, and what each needs."""
    list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
    nodes = [node["Resources"] for node in list_nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise ConfigError("the Ray cluster has no machine with a processor; start one: ray start --address=HOST:PORT")
    gpus = int(sum(node.get("GPU", 0) for node in nodes)) if job.settings.device != "cpu" else 0
    if gpus:
        return gpus, {"num_cpus": 1, "num_gpus": 1}
    return len(nodes), {"num_cpus": 1, "scheduling_strategy": "SPREAD"}


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connect to a cluster for the block; an app's own connection is used and kept."""
    is_own = not ray.is_initialized()
    if is_own:
        try:
            _check_port(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="recall")
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ConfigError(f"no Ray cluster answers at {address!r} ({_first_line(error)}); start one") from error
    try:
        yield
    finally:
        if is_own:
            ray.shutdown()


def _check_port(address: str) -> None:
    """Raise OSError if nothing listens at "HOST:PORT": Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
