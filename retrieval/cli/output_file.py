"""Files that a command writes for its user: whole or not at all, and over no other file unless that is allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from indexer.errors import RecallError
from indexer.private_files import PRIVATE_FILE, install_part, part_file

Command = Callable[..., None]


def force_option(command: Command) -> Command:
    """Add --force to a command that writes a file."""
    return click.option("--force", is_flag=True, help="Write over a file that exists.")(command)


def check_output(file: Path, error: type[RecallError], *, force: bool) -> None:
    """Refuse a file that cannot be written, before the work that it is for.

    Raises:
        RecallError: Of the type `error`: the file exists, or its folder does not.
    """
    if not file.absolute().parent.is_dir():
        raise error(f"{file} cannot be written: there is no folder {file.parent}; make it, or name another")
    if not force and os.path.lexists(file) and not _is_stream(file):
        raise error(f"{file} exists already; name a new file, or write over it with --force")


@contextmanager
def output_file(file: Path, error: type[RecallError], *, force: bool) -> Iterator[IO[str]]:
    """Yield a text stream; the file is there when it is complete, for its owner alone, and not before.

    Raises:
        RecallError: Of the type `error`: the file exists, or cannot be written.
    """
    check_output(file, error, force=force)
    try:
        if _is_stream(file):
            with file.open("w", encoding="utf-8") as stream:
                yield stream
            return
        with part_file(file) as part:
            part.chmod(PRIVATE_FILE)
            with part.open("w", encoding="utf-8") as stream:
                yield stream
            check_output(file, error, force=force)  # it may have been made meanwhile
            install_part(part, file)
    except BrokenPipeError:
        raise
    except OSError as failure:
        raise error(f"{file} cannot be written ({failure.strerror}); name another file") from failure


def _is_stream(file: Path) -> bool:
    """Return whether a path is a pipe or a device, such as /dev/stdout."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
