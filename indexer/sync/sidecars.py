"""The XMP files next to photos."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from indexer.documents.text_file import text_format
from indexer.types import stored_mtime

SIDECAR_SUFFIXES = (".xmp", ".XMP")


def sidecar_names(name: str) -> tuple[str, ...]:
    """Return the names that a photo's XMP file may have, the most specific first; none for a text file."""
    if text_format(name) is not None:
        return ()
    stem = os.path.splitext(name)[0]
    return tuple(base + suffix for base in (name, stem) for suffix in SIDECAR_SUFFIXES)


def first_sidecar(paths: Iterable[str]) -> tuple[str, int] | None:
    """Return the first of some paths that is a file, and its modification time in nanoseconds; None without one."""
    for path in paths:
        try:
            info = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(info.st_mode):
            return path, stored_mtime(info)
    return None
