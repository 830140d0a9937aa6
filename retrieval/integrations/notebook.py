"""Progress bars for notebooks (Jupyter, and whatever else runs IPython's kernels)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any

from indexer.types import Progress, ProgressCallback

_INTERVAL = 0.2
"""Seconds between two updates: each is a message to the browser."""


def progress_bar() -> ProgressCallback:
    """Return a callback for the argument `progress` of Library's methods, which shows a bar below the cell.

    Outside of a notebook it writes one line to standard error if that is a terminal, and otherwise nothing.
    """
    show = _notebook_display() or _terminal_display()
    last_stage, last_time = "", -_INTERVAL

    def update(progress: Progress) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        is_end = progress.total is not None and progress.done >= progress.total
        if is_end or progress.stage != last_stage or now - last_time >= _INTERVAL:
            last_stage, last_time = progress.stage, now
            show(progress)

    return update


def _notebook_display() -> Callable[[Progress], None] | None:
    """Return what shows progress in the notebook that this process runs; None if it runs none."""
    module: Any = sys.modules.get("IPython")  # a notebook has imported it
    shell = module.get_ipython() if module is not None else None
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        return None
    from IPython.display import display  # late: an app need not have it

    handles: list[Any] = []

    def show(progress: Progress) -> None:
        content = {"text/html": _html(progress), "text/plain": _text(progress)}
        if handles:
            handles[0].update(content, raw=True)
        else:
            handles.append(display(content, raw=True, display_id=True))  # type: ignore[no-untyped-call]

    return show


def _terminal_display() -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            is_end = progress.total is not None and progress.done >= progress.total
            sys.stderr.write("\r\x1b[K" + _text(progress) + "\n" * is_end)
            sys.stderr.flush()

    return show


def _html(progress: Progress) -> str:
    value = "" if progress.total is None else f' value="{progress.done}" max="{max(progress.total, 1)}"'
    return (
        f'<div><progress style="width:300px;vertical-align:middle"{value}></progress> {escape(_text(progress))}</div>'
    )


def _text(progress: Progress) -> str:
    total = "" if progress.total is None else f" of {progress.total:,}"
    return f"{progress.stage}: {progress.done:,}{total}"
