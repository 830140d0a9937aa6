"""Opens a file in the system's viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from indexer.errors import FailureKind, PictureError
from indexer.object_path import is_object

_SECONDS = 2.0
"""How long a viewer that finds no program for a file may take to say so."""


def open_file(path: Path) -> None:
    """Open a file in the program that the system has for it, which goes on when Recall ends.

    Raises:
        PictureError: The file is gone, or no program opens it.
    """
    if is_object(path):
        raise _error(f"{path} is in an object store; to look at it, use --preview or recall serve")
    if not path.exists():
        raise _error(f"{path} does not exist any more; run: recall index, which takes it out of the library")
    if sys.platform == "win32":
        os.startfile(path.absolute())  # noqa: S606 - a file of the library, in the user's own program
        return
    name = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(name)
    if program is None:
        raise _error(f"{path} cannot be opened, because there is no program {name}; open it in a viewer yourself")
    viewer = subprocess.Popen(
        [program, path.absolute()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that Ctrl-C in the terminal does not end it
    )
    try:
        code = viewer.wait(_SECONDS)
    except subprocess.TimeoutExpired:  # it is the viewer itself
        viewer.returncode = 0  # else Python warns of a process that goes on
        return
    if code:
        raise _error(f"{path} cannot be opened: {name} found no program for it; install a viewer for pictures")


def _error(message: str) -> PictureError:
    return PictureError(FailureKind.UNREADABLE, message)
