"""Progress on stderr: how far, how fast, how much longer. Nothing with -q.

On a terminal one line is painted over; a file or a pipe gets a line a minute.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from retrieval.cli import terminal
from retrieval.cli.messages import is_quiet
from retrieval.cli.text import shorten_end

if TYPE_CHECKING:
    from indexer.types import Progress

_SECONDS = 0.1
"""Time between two paints: faster than an eye can read only costs time."""

_LOG_SECONDS = 60.0
"""Time between two lines where stderr is not a terminal."""


class ProgressLine:
    """Progress on stderr; call it with each `Progress`."""

    def __init__(self) -> None:
        self._shown = not is_quiet()
        self._on_terminal = terminal.is_terminal(sys.stderr)
        self._stage = ""
        self._start = self._painted = 0.0
        self._logged = time.monotonic()
        self._first = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._on_terminal and self._stage:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, progress: Progress) -> None:
        """Show how far an operation is."""
        if not self._shown:
            return
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._start, self._painted, self._first = progress.stage, now, 0.0, progress.done
        if not self._on_terminal:
            self._log(progress, now)
            return
        if now - self._painted < _SECONDS and progress.done != progress.total:
            return
        self._painted = now
        line = describe(progress, now - self._start, progress.done - self._first)
        room = terminal.width(sys.stderr) or terminal.DEFAULT_WIDTH
        click.echo(f"\r\x1b[K{shorten_end(line, room - 1)}", nl=False, err=True)  # a broken line stays

    def _log(self, progress: Progress, now: float) -> None:
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            click.echo(describe(progress, now - self._start, progress.done - self._first, has_bar=False), err=True)


def describe(progress: Progress, seconds: float, steps: int, *, has_bar: bool = True) -> str:
    """Return a line about an operation.

    Args:
        progress: How far it is.
        seconds: Time since the stage began.
        steps: Steps done in that time.
        has_bar: Whether to draw a bar.
    """
    rate = steps / seconds if seconds > 0 else 0.0
    if progress.total is None:
        return f"{progress.stage}… {progress.done:,}" if progress.done else f"{progress.stage}…"
    share = progress.done / progress.total if progress.total else 1.0
    bar = f"[{('#' * round(share * 20)).ljust(20, '.')}]" if has_bar else f"{share:.0%},"
    left = f", {clock((progress.total - progress.done) / rate)} left" if rate else ""
    return f"{progress.stage} {bar} {progress.done:,} of {progress.total:,}, {rate:.1f} a second{left}"


def clock(seconds: float) -> str:
    """Return a duration as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
