"""Texts and pictures of any kind to vectors, for every encoder, and the cosines of vectors."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import EncoderError, FailureKind, PictureError
from indexer.types import Pixels, Preprocess, Vectors

if TYPE_CHECKING:  # texts need no image library
    from PIL import Image


_TIMEOUT = 60.0
"""Seconds that one picture may take, as in indexing."""

_THREADS = 4
"""Pictures that are decoded at once: as many as `PictureReader` has processes."""

_ONE = "the picture"
"""Name of a picture that is not in a list."""

_in_process = threading.Lock()
"""Pillow cannot load one picture in two threads, and a list may have it twice."""


def encode(encoder: Encoder, inputs: Any, *, batch_size: int | None = None) -> Vectors:
    """Return the unit vectors of texts and pictures; see `FullEncoder.encode`."""
    if isinstance(inputs, str) or _is_picture(inputs):
        return _only(_encode_all(encoder, [inputs], batch_size, name=lambda _: _ONE))
    return _encode_all(encoder, _rows(inputs, "inputs"), batch_size, name=lambda row: f"inputs[{row}]")


def encode_pictures(encoder: Encoder, pictures: Any, *, batch_size: int | None = None) -> Vectors:
    """Return the unit vectors of pictures; see `FullEncoder.encode_pictures`."""
    if isinstance(pictures, str) or _is_picture(pictures):
        return _only(_encode_all(encoder, [_no_text(pictures)], batch_size, name=lambda _: _ONE))
    rows = map(_no_text, _rows(pictures, "pictures"))
    return _encode_all(encoder, rows, batch_size, name=lambda row: f"pictures[{row}]")


def similarity(a: ArrayLike, b: ArrayLike) -> Vectors:
    """Return the cosine of each vector of `a` with each of `b`, shape (n, m); see `FullEncoder.similarity`."""
    left, right = (np.asarray(vectors, dtype=np.float32) for vectors in (a, b))
    if not (left.ndim in (1, 2) and right.ndim in (1, 2) and left.shape[-1] == right.shape[-1]):
        raise ValueError(
            f"the vectors have the shapes {left.shape} and {right.shape}; expected (d,) or (n, d), with the same d"
        )
    cosines: Vectors = to_unit_length(np.atleast_2d(left)) @ to_unit_length(np.atleast_2d(right)).T
    return cosines


def _encode_all(
    encoder: Encoder, rows: Iterable[Any], batch_size: int | None, *, name: Callable[[int], str]
) -> Vectors:
    """Return the vectors of texts and pictures, shape (n, d); the next batch is decoded while one is encoded."""
    size = encoder.batch_size if batch_size is None else batch_size
    if size < 1:
        raise ValueError(f"the batch size is {size}; expected at least 1")
    outputs = [np.empty((0, encoder.dim), dtype=np.float32)]
    with _Decoder(encoder, name) as decoder:
        outputs += [_encode_batch(encoder, batch) for batch in decoder.batches(iter(rows), size)]
    vectors = np.concatenate(outputs)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise EncoderError(f"encoder {encoder.name!r} returns numbers that are not finite for {name(row)}")
    return vectors


def _only(vectors: Vectors) -> Vectors:
    """Return the only row, shape (d,)."""
    row: Vectors = vectors[0]
    return row


def _encode_batch(encoder: Encoder, batch: Sequence[str | Future[Pixels]]) -> Vectors:
    """Return the vectors of some texts and decoded pictures in their order, shape (n, d)."""
    vectors = np.empty((len(batch), encoder.dim), dtype=np.float32)
    texts = [row for row, value in enumerate(batch) if isinstance(value, str)]
    pictures = [row for row, value in enumerate(batch) if not isinstance(value, str)]
    if texts:
        vectors[texts] = encoder.encode_texts([value for value in batch if isinstance(value, str)])
    if pictures:
        pixels = [value.result() for value in batch if not isinstance(value, str)]
        vectors[pictures] = encoder.encode_images(np.stack(pixels))
    return vectors


class _Decoder:
    """Decodes pictures one batch ahead; its threads end with the block."""

    def __init__(self, encoder: Encoder, name: Callable[[int], str]) -> None:
        self._preprocess = encoder.preprocess
        self._name = name
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="recall-encode")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def batches(self, rows: Iterator[Any], size: int) -> Iterator[list[str | Future[Pixels]]]:
        """Yield the texts and the pictures in batches."""
        position = 0
        started: list[str | Future[Pixels]] = []
        while batch := list(islice(rows, size)):
            following = [self._start(value, position + row) for row, value in enumerate(batch)]
            if started:
                yield started
            started, position = following, position + len(batch)
        if started:
            yield started

    def _start(self, value: Any, position: int) -> str | Future[Pixels]:
        if isinstance(value, str):
            return value
        if not _is_picture(value):
            raise TypeError(
                f"{self._name(position)} is of the type {type(value).__name__}; expected a text, a path, the bytes of "
                "a picture, a PIL picture, or an array of shape (height, width, 3), uint8"
            )
        return self._pool.submit(self._pixels, value, self._name(position))

    def _pixels(self, value: Any, name: str) -> Pixels:
        """Return a picture as the encoder reads it, shape (size, size, 3); raises PictureError with its name."""
        pixels = partial(_read, preprocess=self._preprocess)
        try:
            if isinstance(value, os.PathLike):
                name = f"{name} ({os.fsdecode(value)})" if name != _ONE else os.fsdecode(value)
                return pixels(Path(os.fsdecode(value)).expanduser())
            if isinstance(value, bytes | bytearray | memoryview):
                return pixels(bytes(value))
            with _in_process:
                picture = _from_array(value, name) if isinstance(value, np.ndarray) else value
                return pixels(picture)
        except PictureError as error:
            raise PictureError(error.kind, f"{name} cannot be encoded: {error}") from error


def _read(source: Path | bytes | Image.Image, *, preprocess: Preprocess) -> Pixels:
    """Return a picture as an encoder reads it, decoded as a library decodes single pictures."""
    from indexer.images.workers.reader import shared_reader  # late: texts need no image library

    return shared_reader(_TIMEOUT).pixels(source, preprocess=preprocess)


def _is_picture(value: object) -> bool:
    """Return whether a value is one picture, and not a text or several."""
    if isinstance(value, np.ndarray):
        return value.ndim in (2, 3) and value.dtype.kind not in "USO"
    pillow = sys.modules.get("PIL.Image")  # without it no value is a PIL picture
    return isinstance(value, bytes | bytearray | memoryview | os.PathLike) or (
        pillow is not None and isinstance(value, pillow.Image)
    )


def _rows(inputs: Any, name: str) -> Iterable[Any]:
    """Return several inputs; an array of shape (n, height, width, 3) has n pictures."""
    if isinstance(inputs, dict) or not isinstance(inputs, Iterable):
        raise TypeError(f"{name} is of the type {type(inputs).__name__}; expected one text or picture, or a list")
    return inputs


def _no_text(picture: Any) -> Any:
    """Return a picture; a string is the path of one."""
    return Path(picture) if isinstance(picture, str) else picture


def _from_array(values: NDArray[np.generic], name: str) -> Image.Image:
    """Return an array of gray, RGB or RGBA values as a picture.

    Raises:
        TypeError: The array has another type or shape.
        PictureError: It has no pixels.
    """
    from PIL import Image  # late, as above

    if values.dtype != np.uint8 or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        raise TypeError(
            f"{name} is an array of {values.dtype} with the shape {values.shape}; expected uint8, 0 to 255, and "
            "the shape (height, width, 3)"
        )
    if not values.size:
        raise PictureError(FailureKind.EMPTY, f"the array has no pixels (shape {values.shape})")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(values))
