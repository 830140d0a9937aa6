"""Decoded photos for comparison: small, and a bounded number in memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.errors import PictureError
from indexer.images import Photo
from indexer.images.workers import DecodePool
from indexer.storage.item_files import stat_file
from indexer.types import Preprocess, is_unchanged
from retrieval.duplicates.pixel_compare import SIDE, Sketch, sketch

PREPROCESS = Preprocess(size=SIDE, resize_mode="longest")
"""Decoders return the whole photo, padded to a square."""

MAX_SKETCHES = 2500
"""Number of sketches in memory, at most: each has 27 kB of pixels and up to 80 kB of corners, so 270 MB."""


Source = Callable[[PhotoFile], "Path | bytes | None"]
"""Returns what is decoded of a photo: its file, or its stored picture; None if that is missing or damaged."""


class Sketches:
    """The sketches of photos. They are made on demand; the least recently used are dropped.

    Attributes:
        failures: Path and reason for each photo without a sketch, by item id.
    """

    def __init__(self, pool: DecodePool, source: Source) -> None:
        self._pool, self._source = pool, source
        self._cached: OrderedDict[int, Sketch] = OrderedDict()
        self.failures: dict[int, tuple[str, str]] = {}

    def load(self, files: Iterable[PhotoFile]) -> None:
        """Make the missing sketches of photos, at most `MAX_SKETCHES` at a time."""
        missing = []
        for file in files:
            if file.item_id in self._cached:
                self._cached.move_to_end(file.item_id)
            elif file.item_id not in self.failures:
                status = None if file.is_added else status_or_reason(file)
                if isinstance(status, str):
                    self.failures[file.item_id] = (file.location, status)
                else:
                    missing.append(file)
        for file, photo in self._pool.imap(missing, path_of=self._source):
            if photo is None:
                self.failures[file.item_id] = (file.location, "its stored picture is missing or damaged")
            elif isinstance(photo, PictureError):
                self.failures[file.item_id] = (file.location, str(photo))
            else:
                self._cached[file.item_id] = sketch(grey_content(photo, SIDE))
        while len(self._cached) > MAX_SKETCHES:
            self._cached.popitem(last=False)

    def get(self, item_id: int) -> Sketch | None:
        """Return the sketch of a photo that was loaded; None if it has none."""
        return self._cached.get(item_id)


def status_or_reason(file: PhotoFile) -> os.stat_result | str:
    """Return the status of a file, or why it is not the file that was indexed."""
    try:
        status = stat_file(file.path)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if not is_unchanged(status, file.size, file.mtime_ns):
        return "it has changed since it was indexed; run: recall index"
    return status


def grey_content(photo: Photo, side: int) -> NDArray[np.uint8]:
    """Return a photo that was decoded to a square of this side: grey, without padding, and not enlarged."""
    width, height = photo.metadata.width, photo.metadata.height
    ratio = side / max(width, height)
    across, down = max(1, round(width * ratio)), max(1, round(height * ratio))
    left, top = (side - across) // 2, (side - down) // 2
    picture = Image.fromarray(photo.pixels[top : top + down, left : left + across]).convert("L")
    if ratio > 1:
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
