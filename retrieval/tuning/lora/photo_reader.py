"""Decoding of photos for training, in worker processes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.errors import PictureError, TuningError
from indexer.images import Limits
from indexer.images.workers import DecodePool
from indexer.types import Preprocess, collection_of


class PhotoReader:
    """Decodes photos on demand in worker processes, and records those that cannot be read.

    Attributes:
        unreadable: Why a photo could not be read, by path.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        *,
        limits: Limits | None,
        workers: int,
        timeout: float = 60.0,
        cache_bytes: int = 0,
    ) -> None:
        """Start the worker pool; leaving the context closes it.

        Args:
            preprocess: As for `DecodePool`, as are the next three.
            limits: The same.
            workers: The same.
            timeout: The same.
            cache_bytes: Bytes of decoded photos to keep for the next call.
        """
        self.unreadable: dict[Path, str] = {}
        self._pool = DecodePool(preprocess=preprocess, limits=limits, workers=workers, timeout=timeout)
        self._cached: dict[Path, NDArray[np.uint8]] = {}
        self._free_bytes = cache_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def stream(self, paths: Iterable[Path]) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
        """Yield each readable photo with its pixels, shape (size, size, 3): cached ones first, then in the given order.

        Added items without a file are not readable: their paths name collections.
        A bounded number of photos is in memory at once, whatever their number.
        """
        requested = []
        for path in paths:
            if collection_of(str(path)) is None:
                requested.append(path)
            else:
                self.unreadable[path] = "added items without a file are not used to fine-tune an encoder"
        yield from ((path, self._cached[path]) for path in requested if path in self._cached)
        uncached = [path for path in requested if path not in self._cached]
        for path, photo in self._pool.imap(uncached, path_of=lambda path: path):
            if photo is None or isinstance(photo, PictureError):
                self.unreadable[path] = str(photo)
                continue
            if photo.pixels.nbytes <= self._free_bytes and path not in self._cached:
                self._cached[path] = photo.pixels
                self._free_bytes -= photo.pixels.nbytes
            yield path, photo.pixels

    def require(self, paths: Iterable[Path], readable: Container[Path]) -> None:
        """Check that photos which could be read at the beginning of a training can be read now.

        Raises:
            TuningError: One of the paths is not readable.
        """
        missing = [path for path in paths if path not in readable]
        if missing:
            reason = self.unreadable.get(missing[0], "it is not there")
            raise TuningError(
                f"{len(missing)} photos could be read before but not now, first {missing[0]}: {reason}; connect their "
                "disk and run the same command again: it continues from its last epoch (without them it starts over)"
            )
