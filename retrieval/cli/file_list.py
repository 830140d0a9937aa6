"""Lists of files, as `find` and other programs write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from indexer.errors import SourceError
from indexer.object_path import file_path


def read_paths(file: str) -> list[Path]:
    """Return the paths in a file, in its order: separated by null bytes if it has any, otherwise one a line.

    Args:
        file: The file; "-" is standard input.

    Raises:
        SourceError: The file cannot be read.
    """
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()
    except OSError as error:
        raise SourceError(
            f"the list {file} cannot be read ({error.strerror}); name a file with paths, or - for standard input"
        ) from error
    paths = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [file_path(os.fsdecode(path)) for path in paths if path.strip()]
