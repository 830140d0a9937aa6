"""Thumbnails on disk: a cache of files that any process may write and delete at any time.

It is a folder of the library; for a library that is only read, one in the user's folder for caches.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.config import cache_base
from indexer.private_files import make_private_folder, part_file

if TYPE_CHECKING:
    from indexer.store.database import Catalog

logger = logging.getLogger(__name__)

FOLDER = "thumbnails"
"""The folder in the library, and in the user's folder for caches."""

_MAX_BYTES = 4 * 1024**3
"""All thumbnails of a library together, at most: 100,000 small ones have about 2 GB."""

_KEPT_SHARE = 0.9
"""What is kept of that if it is exceeded: the thumbnails that were used last."""

_LOOK_SHARE = 0.02
"""Share of the limit that this process writes before it looks again how much there is."""

_USE_SECONDS = 3600.0
"""A use is noted in the file's time, at most once in this time."""

_PART_SECONDS = 3600.0
"""Age from which on an unfinished file is one that a killed process left."""


class ThumbnailFiles:
    """The thumbnails of one library; safe to use from several threads and processes."""

    def __init__(self, folder: Path, *, max_bytes: int = _MAX_BYTES) -> None:
        """Return the cache in a folder, which is made when it is needed.

        Args:
            folder: Its folder.
            max_bytes: Size of all files together, at most.
        """
        self.folder, self._max_bytes = folder, max_bytes
        self._unseen = max_bytes  # bytes written since the last look; the first write looks
        self._looking = threading.Lock()

    def read(self, tag: str) -> bytes | None:
        """Return a thumbnail, None if there is none or its file is damaged."""
        path = self._path(tag)
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(handle, "rb") as file:
                content = file.read()
                used = os.fstat(handle).st_mtime
        except OSError:
            return None
        if not _is_whole(content):
            return None
        if abs(time.time() - used) > _USE_SECONDS:
            with suppress(OSError):
                os.utime(path)
        return content

    def write(self, tag: str, content: bytes) -> None:
        """Keep a thumbnail; one that cannot be written is made again next time."""
        path = self._path(tag)
        try:
            make_private_folder(path.parent.parent)
            make_private_folder(path.parent)
            with part_file(path) as part:
                part.write_bytes(content)
                part.replace(path)  # not flushed to disk: `read` notices a file that a power failure cut
        except OSError as error:
            logger.debug("the thumbnail %s was not kept: %s", path, error)
            return
        self._unseen += len(content)
        if self._unseen > self._max_bytes * _LOOK_SHARE and self._looking.acquire(blocking=False):
            try:
                self._unseen = 0
                self._delete_oldest()
            finally:
                self._looking.release()

    def _path(self, tag: str) -> Path:
        return self.folder / tag[:2] / f"{tag}.webp"

    def _delete_oldest(self) -> None:
        """Delete what was not used for the longest time if there is more than the limit."""
        files = []
        now = time.time()
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):  # another process has deleted it
                    path = os.path.join(folder, name)
                    status = os.lstat(path)
                    if name.endswith(".part") and now - status.st_mtime > _PART_SECONDS:
                        os.unlink(path)
                    else:
                        files.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in files) - self._max_bytes
        if excess <= 0:
            return
        excess += round(self._max_bytes * (1 - _KEPT_SHARE))
        for _, size, path in sorted(files):
            if excess <= 0:
                return
            with suppress(OSError):
                os.unlink(path)
            excess -= size


def thumbnail_files(catalog: Catalog) -> ThumbnailFiles:
    """Return the thumbnails of a library."""
    if catalog.can_write_files:
        return _files_in(catalog.path.absolute() / FOLDER)
    name = hashlib.sha256(os.fsencode(os.path.realpath(catalog.path))).hexdigest()[:16]
    return _files_in(cache_base() / FOLDER / name)


@lru_cache(maxsize=64)  # one object per folder: it counts what this process writes
def _files_in(folder: Path) -> ThumbnailFiles:
    return ThumbnailFiles(folder)


def _is_whole(content: bytes) -> bool:
    """Return whether a file is a WebP as long as its first bytes say."""
    return (
        content[:4] == b"RIFF"
        and content[8:12] == b"WEBP"
        and len(content) == 8 + int.from_bytes(content[4:8], "little")
    )
