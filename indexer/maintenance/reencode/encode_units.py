"""Units that are known, under another encoder: photos are read again, texts are in the catalog."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.statements.units import UnitContent
from indexer.config import Settings, cpu_count
from indexer.encoders.base import Encoder
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool
from indexer.types import Modality, Vectors, is_unchanged

T = TypeVar("T")


@dataclass(slots=True)
class EncodedBatch:
    """Units that were encoded together.

    Attributes:
        vectors: Unit vectors by unit id, shape (d,), float32.
        failed: Units that have none, and why.
    """

    vectors: dict[int, Vectors] = field(default_factory=dict)
    failed: list[tuple[UnitContent, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many units it had."""
        return len(self.vectors) + len(self.failed)


def encode_units(made_of: Sequence[UnitContent], encoder: Encoder, settings: Settings) -> Iterator[EncodedBatch]:
    """Yield units with their vectors, a batch at a time, texts before photos.

    A photo that is gone, is not the one that was indexed or cannot be read has the reason instead.
    """
    texts = [each for each in made_of if each.kind == Modality.TEXT]
    photos = [each for each in made_of if each.kind == Modality.PHOTO]
    return chain(_texts(texts, encoder), _photos(photos, encoder, settings))


def _texts(texts: Sequence[UnitContent], encoder: Encoder) -> Iterator[EncodedBatch]:
    for batch in _batches(texts, encoder.batch_size):
        yield _checked(batch, encoder.encode_texts([each.text or "" for each in batch]), EncodedBatch())


def _photos(photos: Sequence[UnitContent], encoder: Encoder, settings: Settings) -> Iterator[EncodedBatch]:
    refused = [(each, reason) for each in photos if (reason := _difference(each)) is not None]
    if refused:
        yield EncodedBatch(failed=refused)
    gone = {each.unit_id for each, _ in refused}
    good = [each for each in photos if each.unit_id not in gone]
    if not good:
        return
    pool = DecodePool(
        preprocess=encoder.preprocess,
        limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
        workers=min(settings.workers or cpu_count(), len(good)),
        timeout=settings.timeout,
    )
    with pool:
        decoding = pool.imap(good, path_of=lambda each: Path(each.path))
        for decoded in _batches(decoding, encoder.batch_size):
            batch = EncodedBatch(failed=[(each, str(photo)) for each, photo in decoded if not isinstance(photo, Photo)])
            pixels = [(each, photo.pixels) for each, photo in decoded if isinstance(photo, Photo)]
            if pixels:
                vectors = encoder.encode_images(np.stack([row for _, row in pixels]))
                _checked([each for each, _ in pixels], vectors, batch)
            yield batch


def is_unit_length(vectors: Vectors) -> NDArray[np.bool_]:
    """Return which of some vectors, shape (n, d), are of unit length, (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        good: NDArray[np.bool_] = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # NaN and infinity fail this too
    return good


def _checked(batch: Sequence[UnitContent], vectors: Vectors, into: EncodedBatch) -> EncodedBatch:
    for each, vector, is_good in zip(batch, vectors, is_unit_length(vectors), strict=True):
        if is_good:
            into.vectors[each.unit_id] = vector
        else:
            into.failed.append((each, "the encoder gives no usable vector for it"))
    return into


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _difference(content: UnitContent) -> str | None:
    """Return why a photo's file is not the one that was indexed, by size and time, or None where it is."""
    try:
        facts = os.stat(content.path)
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    if not is_unchanged(facts, content.size, content.mtime_ns):
        return "it has changed since it was indexed; the next sync reads it again"
    return None
