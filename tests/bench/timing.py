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


def whole_process(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> Callable[..., str]:
    """Return what runs a command from start to end and gives its output; a failure ends the measurement."""

    def run(_: int = 0) -> str:
        done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
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


def _held_by(root: int) -> int:
    """Return the bytes in memory of a process and its descendants, at this moment."""
    parents: dict[int, int] = {}
    held: dict[int, int] = {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended meanwhile
            # proc(5): behind the name in brackets come state, parent and, 22 fields on, resident pages
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            held[int(folder.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    family = {root}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(held.get(member, 0) for member in family)
