"""Encode units of the catalog again: photos are read from disk, texts from the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexer.catalog.statements.units import UnitContent
from indexer.config import Settings
from indexer.encoders.base import Encoder, is_unit_length
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool
from indexer.object_path import file_path
from indexer.storage.item_files import stat_file
from indexer.store.stored_pictures import ItemPictures
from indexer.types import Modality, Vectors, collection_of, is_unchanged

T = TypeVar("T")


@dataclass(slots=True)
class EncodedBatch:
    """Units that were encoded together.

    Attributes:
        vectors: Unit-length vectors by unit id, shape (d,), float32.
        failed: Units that could not be encoded, and why.
    """

    vectors: dict[int, Vectors] = field(default_factory=dict)
    failed: list[tuple[UnitContent, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of units in the batch."""
        return len(self.vectors) + len(self.failed)


def encode_units(
    contents: Sequence[UnitContent], encoder: Encoder, settings: Settings, pictures: ItemPictures
) -> Iterator[EncodedBatch]:
    """Yield units with their vectors in batches, texts before photos.

    A photo that is missing, has changed since it was indexed or cannot be read has a reason instead. Of an added item
    the stored picture is read.
    """
    texts = [content for content in contents if content.kind == Modality.TEXT]
    photos = [content for content in contents if content.kind == Modality.PHOTO]
    return chain(_encode_texts(texts, encoder), _encode_photos(photos, encoder, settings, pictures))


def _encode_texts(texts: Sequence[UnitContent], encoder: Encoder) -> Iterator[EncodedBatch]:
    for batch in _batches(texts, encoder.batch_size):
        result = EncodedBatch()
        _add_vectors(result, batch, encoder.encode_texts([content.text or "" for content in batch]))
        yield result


def _encode_photos(
    photos: Sequence[UnitContent], encoder: Encoder, settings: Settings, pictures: ItemPictures
) -> Iterator[EncodedBatch]:
    changed = [(content, reason) for content in photos if (reason := _change_reason(content)) is not None]
    if changed:
        yield EncodedBatch(failed=changed)
    changed_ids = {content.unit_id for content, _ in changed}
    unchanged = [content for content in photos if content.unit_id not in changed_ids]
    if not unchanged:
        return
    pool = DecodePool(
        preprocess=encoder.preprocess,
        limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
        workers=min(settings.decoders, len(unchanged)),
        timeout=settings.timeout,
    )
    with pool:
        results = pool.imap(unchanged, path_of=lambda content: _source(content, pictures))
        for decoded in _batches(results, encoder.batch_size):
            failed = [(content, str(error)) for content, error in decoded if not isinstance(error, Photo)]
            batch = EncodedBatch(failed=failed)
            pixels = [(content, photo.pixels) for content, photo in decoded if isinstance(photo, Photo)]
            if pixels:
                vectors = encoder.encode_images(np.stack([picture for _, picture in pixels]))
                _add_vectors(batch, [content for content, _ in pixels], vectors)
            yield batch


def _add_vectors(batch: EncodedBatch, contents: Sequence[UnitContent], vectors: Vectors) -> None:
    for content, vector, is_valid in zip(contents, vectors, is_unit_length(vectors), strict=True):
        if is_valid:
            batch.vectors[content.unit_id] = vector
        else:
            batch.failed.append((content, "the encoder returned no usable vector"))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _source(content: UnitContent, pictures: ItemPictures) -> Path | bytes:
    """Return what is decoded of a photo: its stored picture, or its file."""
    stored = pictures.source(content.item_id) if content.is_stored else None
    return file_path(content.path) if stored is None else stored


def _change_reason(content: UnitContent) -> str | None:
    """Return why a photo is not as it was indexed, by size and time of its file, or None if it is unchanged."""
    if content.is_stored:
        return None
    if collection_of(content.path) is not None:
        return "no picture of it is stored; add it again"
    try:
        stat = stat_file(content.path)
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    if not is_unchanged(stat, content.size, content.mtime_ns):
        return "it has changed since it was indexed; the next sync reads it again"
    return None
