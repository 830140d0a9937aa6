"""Exit codes of the program."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

import click


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    NOTHING_FOUND = 1
    ERROR = 2  # wrong usage too
    SOME_FAILED = 3  # done, but some items failed
    INTERRUPTED = 130  # Ctrl-C, as shells count it: 128 + SIGINT
    BROKEN_PIPE = 141  # nobody reads on: 128 + SIGPIPE


def leave(code: ExitCode) -> NoReturn:
    """End the command that runs with an exit code."""
    raise click.exceptions.Exit(code)


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether an error comes from Ctrl-C: the import of ONNX Runtime makes an ImportError of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None
