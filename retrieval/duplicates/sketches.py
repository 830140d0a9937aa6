"""Photos of the library as they are compared: decoded in worker processes, small, a bounded number held."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.errors import PictureError
from indexer.images import Photo
from indexer.images.workers import DecodePool
from indexer.types import Preprocess, is_unchanged
from retrieval.duplicates.pixel_compare import SIDE, Sketch, sketch

AS_COMPARED = Preprocess(size=SIDE, resize_mode="longest")
"""How the decoders hand a photo over: the whole of it, on a square."""

HELD = 2500
"""Sketches in memory: each has 27 kB of pixels and at most 80 kB of corners, so 270 MB."""


class Sketches:
    """The sketches of photos, made when they are first needed; those not used for long are dropped.

    Attributes:
        failures: Why a photo has none, by item id.
    """

    def __init__(self, pool: DecodePool) -> None:
        self._pool = pool
        self._held: OrderedDict[int, Sketch] = OrderedDict()
        self.failures: dict[int, tuple[str, str]] = {}

    def load(self, files: Iterable[PhotoFile]) -> None:
        """Make the sketches of photos that have none; at most `HELD` at a time."""
        wanted = []
        for file in files:
            if file.item_id in self._held:
                self._held.move_to_end(file.item_id)
            elif file.item_id not in self.failures:
                reason = what_changed(file)
                if reason is None:
                    wanted.append(file)
                else:
                    self.failures[file.item_id] = (file.path, reason)
        for file, photo in self._pool.imap(wanted, path_of=lambda file: Path(file.path)):
            if isinstance(photo, PictureError):
                self.failures[file.item_id] = (file.path, str(photo))
            elif photo is not None:
                self._held[file.item_id] = sketch(_grey(photo))
        while len(self._held) > HELD:
            self._held.popitem(last=False)

    def get(self, item_id: int) -> Sketch | None:
        """Return the sketch of a photo that was loaded, None where it has none."""
        return self._held.get(item_id)


def what_changed(file: PhotoFile) -> str | None:
    """Return why a photo is not the one that was indexed, None where it is."""
    try:
        facts = Path(file.path).stat()
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if not is_unchanged(facts, file.size, file.mtime_ns):
        return "it was changed since it was indexed; run: recall index"
    return None


def _grey(photo: Photo) -> NDArray[np.uint8]:
    """Return the picture on a decoded square, without what is around it, at its own size where that is smaller."""
    width, height = photo.metadata.width, photo.metadata.height
    ratio = SIDE / max(width, height)
    across, down = max(1, round(width * ratio)), max(1, round(height * ratio))
    left, top = (SIDE - across) // 2, (SIDE - down) // 2
    picture = Image.fromarray(photo.pixels[top : top + down, left : left + across]).convert("L")
    if ratio > 1:
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
