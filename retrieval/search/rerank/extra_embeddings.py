"""Embeddings of single units under an encoder that is not the library's own, kept in the catalog."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

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
            ids, kept = units.unit_vectors(connection, encoder_id, self.encoder.dim, unit_ids, own=True)
        return _usable(ids.tolist(), kept)

    def _encode(self, unit_ids: Sequence[int]) -> None:
        """Encode units, a batch at a time, and keep what was encoded, where nobody else is writing."""
        with self.context.store.reading() as connection:
            made_of = units.unit_contents(connection, unit_ids)
        if not made_of:
            return
        from indexer.maintenance.reencode.encode_units import encode_units  # late: known photos need no decoder

        done = 0
        for batch in encode_units(list(made_of.values()), self.encoder, self.context.settings):
            if batch.vectors:
                found = _usable(list(batch.vectors), np.stack(list(batch.vectors.values())))
                self._note(found)
                self._keep(found, made_of)
            done += batch.count
            self.context.progress(Progress("re-ranking", done, len(made_of)))

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
                units.save_embeddings(connection, encoder_id, encoded, made_of)
        except LibraryError as error:  # locked, read-only, full: the search needs none of it
            if not self._told:
                logger.info("what %s encodes is not kept: %s", self.encoder.name, error)
            self._told = True


def _usable(unit_ids: Sequence[int], vectors: Vectors) -> dict[int, Vectors]:
    """Return vectors (d,) by unit id as the catalog gives them back, without those that are not of unit length."""
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # NaN and infinity fail this too
    exact = from_half(to_half(vectors[good]))
    return dict(zip((each for each, kept in zip(unit_ids, good, strict=True) if kept), exact, strict=True))
