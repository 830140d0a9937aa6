"""How times and memory are taken: medians, several ways to do the same in turns, whole processes."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

PROC = Path("/proc")


def in_turns(
    benchmark: BenchmarkFixture, actions: Mapping[str, Callable[[int], object]], *, rounds: int, warm_up: int = 1
) -> dict[str, float]:
    """Return the median seconds of several ways to do the same, taken in turns, so that a busy moment hits all.

    Args:
        benchmark: Lists the first of them.
        actions: By name; each is called with the number of the round, from 0.
        rounds: Calls of each that count.
        warm_up: Calls of each before those.
    """
    (first, target), *others = actions.items()
    taken: dict[str, list[float]] = {name: [] for name, _ in others}
    numbers = itertools.count()

    def do_the_others() -> tuple[tuple[int], dict[str, object]]:
        number = next(numbers)
        for name, action in others:
            start = time.perf_counter()
            action(number)
            taken[name].append(time.perf_counter() - start)
        return (number,), {}

    benchmark.pedantic(target, setup=do_the_others, rounds=rounds, warmup_rounds=warm_up)  # type: ignore[no-untyped-call]  # no types yet
    times = benchmark.stats.stats.data  # type: ignore[union-attr]  # there are, after a run
    return {first: statistics.median(times)} | {name: statistics.median(row[warm_up:]) for name, row in taken.items()}


def milliseconds(seconds: float) -> str:
    """Return a time as the table shows it."""
    value = seconds * 1e3
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def whole_process(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, *, timeout: float = 600
) -> Callable[..., str]:
    """Return what runs a command from start to end and gives its output; a failure ends the measurement."""

    def run(_: int = 0) -> str:
        done = subprocess.run(
            command, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    return run


def peak_memory(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> int:
    """Return the most bytes that a command and all processes it started held at one moment; Linux only.

    A page that two processes share counts twice, as it does in `top`.
    """
    highest = 0
    with subprocess.Popen(command, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            highest = max(highest, _held_by(process.pid))
            time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return highest


def leave_memory(file: Path) -> None:
    """Have the system forget a file's bytes, where it can."""
    if hasattr(os, "posix_fadvise"):
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def processor_seconds(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, *, servers: Sequence[int] = ()
) -> float:
    """Return the processor time that a command took, all processes that it started and the servers' ones; Linux only.

    Args:
        command: What to run.
        env: Its whole environment.
        cwd: The folder that it runs in.
        servers: Process ids of running servers, whose work in this time counts.
    """
    before = _taken_by(servers)
    taken: dict[tuple[int, int], float] = {}
    with subprocess.Popen(command, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            taken |= _taken_by([process.pid, *servers])
            time.sleep(0.02)
    taken |= _taken_by(servers)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return sum(taken.values()) - sum(before.values())


def _taken_by(roots: Sequence[int]) -> dict[tuple[int, int], float]:
    """Return the processor seconds of processes and their descendants so far, by process id and start."""
    return {
        # proc(5): the fields for time in user and system mode, counted behind the name in brackets, and of the start
        (pid, int(fields[19])): (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for pid, fields in _family(roots).items()
    }


def _held_by(root: int) -> int:
    """Return the bytes in memory of a process and its descendants, at this moment."""
    return sum(int(fields[21]) for fields in _family([root]).values()) * os.sysconf("SC_PAGE_SIZE")


def _family(roots: Sequence[int]) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat behind the name in brackets, for processes and their descendants."""
    known: dict[int, list[str]] = {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended meanwhile
            known[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
    family = set(roots) & set(known)
    while grown := {child for child, fields in known.items() if int(fields[1]) in family} - family:
        family |= grown
    return {pid: known[pid] for pid in family}
