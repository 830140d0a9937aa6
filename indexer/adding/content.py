"""Reads what is given of each item: checks its values, decodes its picture, cuts its text into pieces."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.adding.inputs import NewItem
from indexer.adding.values import check_id, check_metadata, check_text, check_vector
from indexer.catalog.statements.item_metadata import types_of
from indexer.config import Settings
from indexer.documents.chunking import Fits, split_text
from indexer.errors import FailureKind, ItemError, PictureError
from indexer.images import Keep, Limits, Photo, photo_of_picture
from indexer.images.workers import DecodePool
from indexer.sync.item_reader import check_chunk_count
from indexer.types import Preprocess, Vectors


@dataclass(slots=True)
class Content:
    """An item with its content, ready to be encoded and stored.

    Attributes:
        position: Its position among the given items.
        id: Its id: as given, or the hash of its content.
        content_hash: SHA-256 of the picture's file, else of the text, else of the vector.
        photo: Its picture, or None.
        picture_path: Absolute path of its picture; None if it was given in another form.
        text: Its text, or None.
        chunks: The pieces of its text to encode.
        vector: Its vector, shape (d,), if it was given; then nothing is encoded.
        metadata: Its metadata; empty without any.
        types: The types of its metadata.
        uri: Where it is from, or None.
        vectors: Its vectors, the picture's first, shape (u, d), once they are known.
    """

    position: int
    id: str
    content_hash: bytes
    photo: Photo | None
    picture_path: str | None
    text: str | None
    chunks: tuple[str, ...]
    vector: Vectors | None
    metadata: dict[str, Any]
    types: dict[str, str]
    uri: str | None
    vectors: Vectors | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """The values of an item that need no decoder; `picture` is what decodes: a path, bytes or an open picture."""

    item: NewItem
    id: str | None
    text: str | None
    vector: Vectors | None
    metadata: dict[str, Any]
    uri: str | None
    picture: Any


@dataclass(frozen=True, slots=True)
class ContentReader:
    """Reads items for one encoder.

    Attributes:
        dim: Length of its vectors.
        preprocess: Its preprocessing.
        fits: Returns its `fits`; called only if a text is encoded.
        settings: Limits, number of workers and time limit of the decoder.
        keep: What to store of pictures.
    """

    dim: int
    preprocess: Preprocess
    fits: Callable[[], Fits]
    settings: Settings
    keep: Keep

    def read(self, items: Iterable[NewItem]) -> Iterator[tuple[NewItem, Content | ItemError]]:
        """Yield each item with its content, or with the reason why it cannot be added, in their order."""
        settings = self.settings
        limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
        pool = DecodePool(
            preprocess=self.preprocess,
            limits=limits,
            workers=settings.decoders,
            timeout=settings.timeout,
            keep=self.keep,
        )
        checked = ((item, self._check(item)) for item in items)
        with pool, closing(pool.imap(checked, path_of=_to_decode)) as decoded:
            for (item, values), photo in decoded:
                try:
                    yield item, self._content(values, photo, limits)
                except ItemError as error:
                    yield item, error

    def read_vectors(self, items: Iterable[NewItem]) -> Iterator[tuple[NewItem, Content | ItemError]]:
        """Yield what `read` yields, of items without pictures: nothing is decoded."""
        for item in items:
            try:
                yield item, self._content(self._check(item), None, Limits())
            except ItemError as error:
                yield item, error

    def _check(self, item: NewItem) -> _Checked | ItemError:
        try:
            return _Checked(
                item,
                check_id(item.id),
                check_text("text", item.text),
                check_vector(item.vector, self.dim),
                check_metadata(item.metadata),
                check_text("URI", item.uri),
                _picture(item.picture),
            )
        except ItemError as error:
            return error

    def _content(self, values: _Checked | ItemError, photo: Photo | PictureError | None, limits: Limits) -> Content:
        """Return an item's content.

        Raises:
            ItemError: It cannot be added.
        """
        if isinstance(values, ItemError):
            raise values
        if isinstance(photo, PictureError):
            raise photo
        if photo is None and values.picture is not None:
            photo = photo_of_picture(values.picture, preprocess=self.preprocess, limits=limits, keep=self.keep)
        chunks: tuple[str, ...] = ()
        if values.vector is None and values.text is not None:
            chunks = check_chunk_count(split_text(values.text, self.fits()))
        if photo is None and not chunks and values.vector is None:
            raise ItemError(FailureKind.EMPTY, "it has no picture, no vector, and no text with a word in it")
        content_hash = _content_hash(photo, values.text, values.vector)
        return Content(
            position=values.item.position,
            id=content_hash.hex() if values.id is None else values.id,
            content_hash=content_hash,
            photo=photo,
            picture_path=os.fspath(values.picture) if isinstance(values.picture, Path) else None,
            text=values.text,
            chunks=chunks,
            vector=values.vector,
            metadata=values.metadata,
            types=types_of(values.metadata),
            uri=values.uri,
        )


def _to_decode(row: tuple[NewItem, _Checked | ItemError]) -> Path | bytes | None:
    """Return what a worker process decodes; an open picture is the app's own, and decoded here."""
    values = row[1]
    if isinstance(values, ItemError) or not isinstance(values.picture, Path | bytes):
        return None
    return values.picture


def _picture(source: Any) -> Any:
    """Return a given picture as an absolute path, bytes or an open Pillow picture; None for none.

    Raises:
        ItemError: It is something else.
    """
    from PIL import Image

    if isinstance(source, Mapping) and source.keys() >= {"bytes", "path"}:  # as Hugging Face's datasets has it
        source = source["path"] if source["bytes"] is None else source["bytes"]
    if source is None or isinstance(source, Image.Image):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if isinstance(path, str) and "\0" not in path:
            return Path(os.path.abspath(os.path.expanduser(path)))
    dtype, shape = getattr(source, "dtype", None), tuple(getattr(source, "shape", ()))
    if dtype == np.uint8 and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) and 0 not in shape:
        return Image.fromarray(np.ascontiguousarray(source))
    found = f"an array of shape {shape}, {dtype}" if dtype is not None else f"a {type(source).__name__}"
    raise PictureError(
        FailureKind.NOT_A_PICTURE,
        f"the picture is {found}; expected a path, bytes, a Pillow picture or a uint8 array of (height, width, 3)",
    )


def _content_hash(photo: Photo | None, text: str | None, vector: Vectors | None) -> bytes:
    if photo is not None:
        return photo.content_hash
    if text is not None:
        return hashlib.sha256(text.encode()).digest()
    return hashlib.sha256(b"" if vector is None else vector.astype("<f4").tobytes()).digest()
