"""The files of the gallery."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
import threading
from dataclasses import dataclass
from pathlib import Path

GALLERY = Path(__file__).parent / "gallery"

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
"""A path that stays in the folder and shows no hidden file."""

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}
"""Types that some systems have otherwise, or not at all."""


@dataclass(frozen=True, slots=True)
class GalleryFile:
    """A file of the gallery.

    Attributes:
        content: Its bytes.
        compressed: Its bytes, compressed by gzip.
        media_type: Its type.
        etag: What changes when it does.
    """

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


class GalleryFiles:
    """The files of a folder, kept in memory until they change; safe to use from several threads."""

    def __init__(self, folder: Path = GALLERY) -> None:
        """Serve the files of a folder."""
        self._folder = folder
        self._files: dict[str, tuple[int, GalleryFile]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> GalleryFile | None:
        """Return the file with a path in the folder; None if there is none."""
        if not _NAME.fullmatch(name):
            return None
        path = self._folder / name
        if not path.is_file():
            return None
        changed = path.stat().st_mtime_ns
        with self._lock:
            known = self._files.get(name)
            if known is None or known[0] != changed:
                known = self._files[name] = changed, _read(path)
        return known[1]


def _read(path: Path) -> GalleryFile:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if media_type.startswith("text/") or media_type.endswith(("json", "xml")):
        media_type += "; charset=utf-8"
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return GalleryFile(content, gzip.compress(content, 9, mtime=0), media_type, etag)
