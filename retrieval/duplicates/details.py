"""Decoded photos at a larger size than a sketch, for what a sketch cannot show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.images import Photo
from indexer.images.workers import DecodePool
from indexer.types import Preprocess
from retrieval.duplicates.sketches import Source, grey_content

FULL_SIDE = 4096
"""Longer side in pixels up to which a photo is decoded at its own size: 50 MB."""

_SIDES = (1280, 2048, FULL_SIDE)
"""Sides to which photos are decoded: the first that holds a photo, so that a small one does not take 50 MB."""

_MAX_BYTES = 100_000_000
"""Size of the decoded photos in memory, at most, besides the last."""

_MIN_ADDED_DETAIL = 0.45
"""Ratio of the contrast in a picture's finest octave to that in the next, below which the picture was enlarged.
Measured on 28 photos, half as wide: .55 and more in 26 originals, .38 and less in enlargements of 27."""


class Details:
    """Grey pictures of photos, decoded when needed; a context manager that ends the decoders' processes."""

    def __init__(self, open_pool: Callable[[Preprocess], DecodePool], source: Source) -> None:
        """Create it without starting a process.

        Args:
            open_pool: Returns a pool of decoders with these settings.
            source: Returns what is decoded of a photo.
        """
        self._open_pool, self._source = open_pool, source
        self._pools: dict[int, DecodePool] = {}
        self._cached: OrderedDict[tuple[int, int], NDArray[np.uint8] | None] = OrderedDict()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def grey(self, file: PhotoFile, side: int) -> NDArray[np.uint8] | None:
        """Return a photo in grey, not enlarged, shape (h, w); None if it cannot be decoded.

        Args:
            file: The photo.
            side: Pixels of the longer side, at most.
        """
        side = min(side, next(at for at in _SIDES if at >= min(max(file.width, file.height), FULL_SIDE)))
        key = file.item_id, side
        if key not in self._cached:
            ((_, photo),) = self._pool(side).imap([file], path_of=self._source)
            self._cached[key] = grey_content(photo, side) if isinstance(photo, Photo) else None
        self._cached.move_to_end(key)
        while sum(grey.nbytes for grey in self._cached.values() if grey is not None) > _MAX_BYTES:
            self._cached.popitem(last=False)
        return self._cached[key]

    def _pool(self, side: int) -> DecodePool:
        """Return the pool that decodes to this size."""
        if side not in self._pools:
            pool = self._open_pool(Preprocess(size=side, resize_mode="longest"))
            self._pools[side] = self._stack.enter_context(pool)
        return self._pools[side]


def is_enlarged(grey: NDArray[np.uint8], ratio: float) -> bool:
    """Return whether a picture shows nothing that it would not show at a smaller size.

    Args:
        grey: Shape (h, w), not reduced.
        ratio: By how much each side would be shorter, at least 1.5: below, the two cannot be told apart.
    """
    picture = Image.fromarray(grey.astype(np.float32))
    finest, reduced = _finest_contrast(picture, ratio)
    coarser, _ = _finest_contrast(reduced, ratio)
    return finest < _MIN_ADDED_DETAIL * coarser


def _finest_contrast(picture: Image.Image, ratio: float) -> tuple[float, Image.Image]:
    """Return the contrast that a picture loses when it is reduced, in grey levels, and the reduced picture.

    It is the root mean square of the difference after enlarging it again, in the way that fits best, because nobody
    knows in which way a picture was enlarged.
    """
    size = max(1, round(picture.width / ratio)), max(1, round(picture.height / ratio))
    reductions = [picture.resize(size, reduction) for reduction in (Image.Resampling.LANCZOS, Image.Resampling.BOX)]
    pixels = np.asarray(picture)
    losses = []
    for reduced in reductions:
        for enlargement in (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS):
            difference = np.asarray(reduced.resize(picture.size, enlargement)) - pixels
            losses.append(float(np.sqrt(np.mean(difference * difference))))
    return min(losses), reductions[1]
