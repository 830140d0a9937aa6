"""Embeddings of units under an encoder other than the library's, stored in the catalog."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from indexer.catalog.statements import encoders, units
from indexer.catalog.statements.units import UnitContent
from indexer.encoders.base import Encoder
from indexer.errors import LibraryError
from indexer.types import Progress, Vectors
from indexer.vectors.base import from_half, to_half
from retrieval.search.rerank.protocol import Context

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ExtraEmbeddings:
    """The embeddings of units under one encoder: read from the catalog, or else encoded and stored there.

    Attributes:
        encoder: Any encoder.
        context: The search.
    """

    encoder: Encoder
    context: Context
    _has_logged: bool = False

    def vectors(self, unit_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return unit vectors, shape (d,), float32, by unit id.

        Photos are left out whose file is missing, cannot be read, or is not the file that was indexed.
        """
        cached = self.context.embeddings
        missing = [unit_id for unit_id in unit_ids if (self.encoder.fingerprint, unit_id) not in cached]
        self._cache(self._read(missing))
        self._encode([unit_id for unit_id in missing if (self.encoder.fingerprint, unit_id) not in cached])
        for unit_id in missing:
            cached.setdefault((self.encoder.fingerprint, unit_id), None)
        vectors = {unit_id: cached[self.encoder.fingerprint, unit_id] for unit_id in unit_ids}
        return {unit_id: vector for unit_id, vector in vectors.items() if vector is not None}

    def _cache(self, vectors: dict[int, Vectors]) -> None:
        """Remember vectors for the rest of the search."""
        fingerprint = self.encoder.fingerprint
        self.context.embeddings.update({(fingerprint, unit_id): vector for unit_id, vector in vectors.items()})

    def _read(self, unit_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the vectors that are in the catalog, by unit id."""
        with self.context.store.reading() as connection:
            encoder_id = encoders.encoder_id(connection, self.encoder.fingerprint)
            if encoder_id is None:
                return {}
            ids, vectors = units.unit_vectors(
                connection, encoder_id, self.encoder.dim, unit_ids, include_approximate=False
            )
        return _usable(ids.tolist(), vectors)

    def _encode(self, unit_ids: Sequence[int]) -> None:
        """Encode units in batches, and store each batch unless another process is writing."""
        with self.context.store.reading() as connection:
            contents = units.unit_contents(connection, unit_ids)
        if not contents:
            return
        from indexer.maintenance.reencode.encode_units import encode_units  # late: stored embeddings need no decoder

        done = 0
        for batch in encode_units(
            list(contents.values()), self.encoder, self.context.settings, self.context.store.item_pictures
        ):
            if batch.vectors:
                vectors = _usable(list(batch.vectors), np.stack(list(batch.vectors.values())))
                self._cache(vectors)
                self._store(vectors, contents)
            done += batch.count
            self.context.progress(Progress("reranking", done, len(contents)))

    def _store(self, vectors: dict[int, Vectors], contents: dict[int, UnitContent]) -> None:
        """Store vectors in the catalog if it can be written; the search does not depend on it."""
        store = self.context.store
        try:
            with store.writing("storing embeddings for reranking", wait=0), store.transaction() as connection:
                encoder_id = encoders.add_encoder(
                    connection,
                    name=self.encoder.name,
                    fingerprint=self.encoder.fingerprint,
                    dim=self.encoder.dim,
                    preprocess=self.encoder.preprocess,
                )
                units.save_embeddings(connection, encoder_id, vectors, contents)
        except LibraryError as error:  # locked, read-only or full
            if not self._has_logged:
                logger.info("embeddings by %s are not stored: %s", self.encoder.name, error)
            self._has_logged = True


def _usable(unit_ids: Sequence[int], vectors: Vectors) -> dict[int, Vectors]:
    """Return vectors (d,) by unit id, rounded as the catalog stores them, without those that have not unit length."""
    with np.errstate(over="ignore", invalid="ignore"):
        is_unit = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # false also for NaN and infinity
    rounded = from_half(to_half(vectors[is_unit]))
    return dict(zip(compress(unit_ids, is_unit.tolist()), rounded, strict=True))
