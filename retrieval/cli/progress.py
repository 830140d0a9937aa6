"""Progress on a terminal: how far, how fast, how long still; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from indexer.types import Progress

SECONDS = 0.1
"""Between two paints: faster than an eye reads costs more than it tells."""


class ProgressLine:
    """One line on stderr that is painted over; call it with each `Progress`."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._stage = ""
        self._start = self._painted = 0.0
        self._first = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._stage:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, progress: Progress) -> None:
        """Paint how far an operation is."""
        if not self._shown:
            return
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._start, self._painted, self._first = progress.stage, now, 0.0, progress.done
        if now - self._painted < SECONDS and progress.done != progress.total:
            return
        self._painted = now
        line = describe(progress, now - self._start, progress.done - self._first)
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def describe(progress: Progress, seconds: float, steps: int) -> str:
    """Return a line about an operation.

    Args:
        progress: How far it is.
        seconds: Since the stage began.
        steps: Done in that time.
    """
    rate = steps / seconds if seconds > 0 else 0.0
    if progress.total is None:
        return f"{progress.stage}… {progress.done:,}" if progress.done else f"{progress.stage}…"
    share = progress.done / progress.total if progress.total else 1.0
    bar = ("#" * round(share * 20)).ljust(20, ".")
    left = f", {clock((progress.total - progress.done) / rate)} left" if rate else ""
    return f"{progress.stage} [{bar}] {progress.done:,} of {progress.total:,}, {rate:.1f} a second{left}"


def clock(seconds: float) -> str:
    """Return a duration as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
