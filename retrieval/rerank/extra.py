"""Embeddings of single units under an encoder that is not the library's own, kept in the catalog."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexer.catalog import encoders, units
from indexer.catalog.units import UnitContent
from indexer.encoders.base import Encoder
from indexer.errors import LibraryError
from indexer.types import Modality, Progress, Vectors
from indexer.vectors.base import as_stored, unit
from retrieval.rerank.protocol import Context

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class ExtraEmbeddings:
    """The embeddings of units under one encoder: what the catalog has, and else what the encoder makes.

    Attributes:
        encoder: Any encoder.
        context: The search.
    """

    encoder: Encoder
    context: Context
    _told: bool = False

    def vectors(self, unit_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return unit vectors by unit id, shape (d,), float32.

        Left out are photos whose file is gone, cannot be read, or is not the one that was indexed.
        """
        known = self.context.encoded
        lacking = [unit_id for unit_id in unit_ids if (self.encoder.fingerprint, unit_id) not in known]
        self._note(self._kept(lacking))
        self._encode([unit_id for unit_id in lacking if (self.encoder.fingerprint, unit_id) not in known])
        for unit_id in lacking:
            known.setdefault((self.encoder.fingerprint, unit_id), None)
        found = {unit_id: known[self.encoder.fingerprint, unit_id] for unit_id in unit_ids}
        return {unit_id: vector for unit_id, vector in found.items() if vector is not None}

    def _note(self, found: dict[int, Vectors]) -> None:
        self.context.encoded.update({(self.encoder.fingerprint, unit_id): found[unit_id] for unit_id in found})

    def _kept(self, unit_ids: Sequence[int]) -> dict[int, Vectors]:
        with self.context.store.reading() as connection:
            encoder_id = encoders.encoder_id(connection, self.encoder.fingerprint)
            if encoder_id is None:
                return {}
            ids, kept = units.vectors(connection, encoder_id, self.encoder.dim, unit_ids, own=True)
        return _usable(ids.tolist(), kept)

    def _encode(self, unit_ids: Sequence[int]) -> None:
        """Encode units, a batch at a time, and keep what was encoded, where nobody else is writing."""
        with self.context.store.reading() as connection:
            made_of = units.contents(connection, unit_ids)
        photos = [each for each in made_of.values() if each.kind == Modality.PHOTO and _as_indexed(each)]
        texts = [each for each in made_of.values() if each.kind == Modality.TEXT]
        done, total = 0, len(photos) + len(texts)
        for batch, vectors in chain(self._encoded_texts(texts), self._encoded_photos(photos)):
            encoded = _usable([each.unit_id for each in batch], vectors)
            self._note(encoded)
            self._keep(encoded, made_of)
            done += len(batch)
            self.context.progress(Progress("re-ranking", done, total))

    def _encoded_texts(self, texts: Sequence[UnitContent]) -> Iterator[tuple[Sequence[UnitContent], Vectors]]:
        for batch in _batches(texts, self.encoder.batch_size):
            yield batch, self.encoder.encode_texts([each.text or "" for each in batch])

    def _encoded_photos(self, photos: Sequence[UnitContent]) -> Iterator[tuple[Sequence[UnitContent], Vectors]]:
        """Yield batches of photos and their vectors; what cannot be decoded is left out."""
        if not photos:
            return
        from indexer.config import processors
        from indexer.decode import DecodePool  # late: photos that are known need no decoder
        from indexer.images import Limits, Photo

        settings = self.context.settings
        pool = DecodePool(
            preprocess=self.encoder.preprocess,
            limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
            workers=min(settings.workers or processors(), len(photos)),
            timeout=settings.timeout,
        )
        with pool:
            decoding = pool.imap(photos, key=lambda each: Path(each.path))
            for decoded in _batches(decoding, self.encoder.batch_size):
                good = [(each, photo.pixels) for each, photo in decoded if isinstance(photo, Photo)]
                if good:
                    yield [each for each, _ in good], self.encoder.encode_images(np.stack([row for _, row in good]))

    def _keep(self, encoded: dict[int, Vectors], made_of: dict[int, UnitContent]) -> None:
        store = self.context.store
        try:
            with store.writing("keeping what re-ranking encoded"), store.transaction() as connection:
                encoder_id = encoders.add_encoder(
                    connection,
                    name=self.encoder.name,
                    fingerprint=self.encoder.fingerprint,
                    dim=self.encoder.dim,
                    preprocess=self.encoder.preprocess,
                )
                units.keep_vectors(connection, encoder_id, encoded, made_of)
        except LibraryError as error:  # locked, read-only, full: the search needs none of it
            if not self._told:
                logger.info("what %s encodes is not kept: %s", self.encoder.name, error)
            self._told = True


def _usable(unit_ids: Sequence[int], vectors: Vectors) -> dict[int, Vectors]:
    """Return vectors (d,) by unit id as the catalog gives them back, without those that are not of unit length."""
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # NaN and infinity fail this too
    exact = unit(as_stored(vectors[good]))
    return dict(zip((each for each, kept in zip(unit_ids, good, strict=True) if kept), exact, strict=True))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _as_indexed(content: UnitContent) -> bool:
    """Return whether a photo's file is the one that was indexed, by size and time, as a sync sees it."""
    try:
        facts = os.stat(content.path)
    except (OSError, ValueError):
        return False
    return (facts.st_size, facts.st_mtime_ns) == (content.size, content.mtime_ns)
