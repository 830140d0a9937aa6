"""Make another encoder the library's: encode a sample, fit a linear map and approximate the other embeddings."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import encoders, items, reencoding, units
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.reencoding import PendingEmbedding
from indexer.config import Settings
from indexer.encoders.base import Encoder, is_unit_length
from indexer.errors import EncoderError, LibraryError
from indexer.maintenance.reencode.encode_units import encode_units
from indexer.maintenance.reencode.linear_map import apply_map, fit_map
from indexer.store import Store
from indexer.types import Ids, Modality, Progress, ProgressCallback, Vectors

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 1000
"""Units of each kind that both encoders embed to fit the map; a smaller library is encoded completely."""

_SEED = 0

_PAGE_SIZE = 2000
"""Approximate embeddings per transaction."""


@dataclass(frozen=True, slots=True)
class EncoderChange:
    """What a change of encoder did.

    Attributes:
        encoder: Name of the new encoder, which is active now.
        former: Name of the former encoder.
        is_new: Whether they differ; other weights under the same name are another encoder.
        units: Units with an embedding of the new encoder.
        approximate: How many of these embeddings are approximate.
        agreement: Measurements of the map by kind, see `linear_map.Agreement`; empty if nothing is approximate.
        seconds: Duration.
    """

    encoder: str
    former: str
    is_new: bool
    units: int
    approximate: int
    agreement: dict[str, dict[str, Any]]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        names = ("encoder", "former", "is_new", "units", "approximate", "agreement")
        return {name: getattr(self, name) for name in names} | {"seconds": round(self.seconds, 3)}


def use_encoder(
    store: Store,
    encoder: Encoder,
    *,
    settings: Settings,
    version: int | None = None,
    progress: ProgressCallback | None = None,
) -> EncoderChange:
    """Make an encoder the library's and return what was done; searches use the old one until the very end.

    A run that was killed continues where it was when it is called again.

    Args:
        store: The library; the caller holds its write lock.
        encoder: The new encoder.
        settings: Limits, workers and timeout of the decoder.
        version: Version that becomes active with the encoder, if any.
        progress: Called with the number of units processed so far.

    Raises:
        LibraryError: The library holds nothing yet.
        EncoderError: No unit could be encoded, so no map can be fitted.
        StorageError: The disk is full or read-only; committed work is safe.
    """
    old = store.encoder
    if old is None:
        raise LibraryError(
            f"{store.name} holds nothing yet; run: recall index --encoder {encoder.name} FOLDER, instead"
        )
    return _Change(store, old, old, encoder, settings, progress or (lambda _: None), version).run()


@dataclass(slots=True)
class _Change:
    store: Store
    old: EncoderRecord
    source: EncoderRecord  # the map starts from its embeddings: the old encoder, or one before it
    encoder: Encoder
    settings: Settings
    progress: ProgressCallback
    version: int | None
    new_id: int = 0

    def run(self) -> EncoderChange:
        start = time.perf_counter()
        agreement: dict[str, dict[str, Any]] = {}
        is_new = self.encoder.fingerprint != self.old.fingerprint
        self._add_encoder()
        if is_new:
            for source in self._sources():
                self.source = source
                if self._count_pending():
                    self._encode_sample()
                if self._count_pending():
                    agreement = self._approximate_pending() | agreement
            with self.store.transaction() as connection:
                reencoding.switch_encoder(connection, old_id=self.old.id, new_id=self.new_id, version=self.version)
            self.store.index(save=True, progress=self.progress)
        with self.store.reading() as connection:
            count = len(items.embedding_ids(connection, self.new_id))
            approximate = reencoding.count_approximate(connection, self.new_id)
        seconds = time.perf_counter() - start
        return EncoderChange(self.encoder.name, self.old.name, is_new, count, approximate, agreement, seconds)

    def _add_encoder(self) -> None:
        with self.store.transaction() as connection:
            self.new_id = encoders.add_encoder(
                connection,
                name=self.encoder.name,
                fingerprint=self.encoder.fingerprint,
                dim=self.encoder.dim,
                preprocess=self.encoder.preprocess,
            )
            encoders.rename_encoder(connection, self.new_id, self.encoder.name)  # its folder may have moved

    def _sources(self) -> list[EncoderRecord]:
        """Return the encoders to map from: if the old one has approximate embeddings, former ones come first."""
        with self.store.reading() as connection:
            has_approximate = reencoding.count_approximate(connection, self.old.id) > 0
            former = reencoding.former_encoders(connection) if has_approximate else []
        return [*(record for record in former if record.id not in (self.old.id, self.new_id)), self.old]

    def _count_pending(self) -> int:
        with self.store.reading() as connection:
            return reencoding.count_pending(connection, self.source.id, self.new_id)

    def _stored_map(self, connection: Connection) -> tuple[bytes, dict[str, Any]] | None:
        """Return the map that an earlier run fitted, or None if there is none for every pending kind."""
        stored = reencoding.encoder_map(connection, self.source.id, self.new_id)
        kinds = reencoding.pending_kinds(connection, self.source.id, self.new_id) if stored else set()
        return stored if stored and kinds <= set(stored[1]["kinds"]) else None

    def _encode_sample(self) -> None:
        """Encode a sample of the units, committing each batch; units that are already encoded count."""
        with self.store.reading() as connection:
            if self._stored_map(connection) is not None:
                return  # an earlier run got further
            sample: list[int] = []
            for kind in Modality:
                candidates = reencoding.encoded_units(connection, self.source.id, kind)
                sample += _draw_sample(candidates, reencoding.encoded_units(connection, self.new_id, kind))
            contents = units.unit_contents(connection, sample)
        done = 0
        self.progress(Progress("encoding a sample", 0, len(sample)))
        for batch in encode_units(list(contents.values()), self.encoder, self.settings, self.store.item_pictures):
            with self.store.transaction() as connection:
                units.save_embeddings(connection, self.new_id, batch.vectors, contents)
            done += batch.count
            self.progress(Progress("encoding a sample", done, len(sample)))

    def _approximate_pending(self) -> dict[str, dict[str, Any]]:
        """Give every pending unit an approximate embedding, and return the agreement of the map by kind."""
        matrices, agreement = self._fit_or_read_maps()
        total, done, after = self._count_pending(), 0, 0
        while True:
            with self.store.transaction() as connection:
                rows = reencoding.pending_embeddings(
                    connection, self.source.id, self.new_id, after=after, limit=_PAGE_SIZE
                )
                valid = [row for row in rows if items.has_dim(row.vector, self.source.dim)]
                for kind in Modality:
                    of_kind = [row for row in valid if row.kind == kind]
                    if of_kind:
                        matrix = matrices.get(kind, next(iter(matrices.values())))
                        self._add_approximate(connection, of_kind, matrix)
            if not rows:
                return agreement
            after = rows[-1].id
            done += len(rows)
            self.progress(Progress("approximating", done, total))

    def _add_approximate(self, connection: Connection, rows: list[PendingEmbedding], matrix: Vectors) -> None:
        """Map embeddings and store the results; the next sync encodes units whose vector is damaged."""
        vectors = items.decode_vectors([row.vector for row in rows], self.source.dim)
        is_valid = is_unit_length(vectors)
        unit_ids = [row.unit_id for row, valid in zip(rows, is_valid, strict=True) if valid]
        reencoding.add_approximate(connection, self.new_id, unit_ids, apply_map(vectors[is_valid], matrix))

    def _fit_or_read_maps(self) -> tuple[dict[Modality, Vectors], dict[str, dict[str, Any]]]:
        """Return the map of each kind and the agreements by kind; a map of an earlier run is used again."""
        with self.store.reading() as connection:
            stored = self._stored_map(connection)
        matrix, about = stored or self._fit_maps()
        stacked = np.frombuffer(matrix, dtype="<f4").astype(np.float32)
        matrices = stacked.reshape(len(about["kinds"]), self.source.dim + 1, self.encoder.dim)
        return {Modality(kind): part for kind, part in zip(about["kinds"], matrices, strict=True)}, about["agreement"]

    def _fit_maps(self) -> tuple[bytes, dict[str, Any]]:
        """Fit a map for each kind with pairs, store the maps as one stacked matrix, and return what was stored."""
        with self.store.reading() as connection:
            kinds = reencoding.pending_kinds(connection, self.source.id, self.new_id)
            pairs = {kind: self._pairs(connection, kind) for kind in Modality}
        fitted = {kind: fit_map(*vectors, seed=_SEED) for kind, vectors in pairs.items() if len(vectors[0])}
        if not fitted:
            raise EncoderError(
                f"no photo or text could be encoded with {self.encoder.name!r}, so its vectors cannot be compared with "
                "the old ones; are the disks with the photos connected? Nothing was changed"
            )
        for kind in sorted(kinds - set(fitted)):
            advice = "all are approximated by the map of the other kind; are their disks connected?"
            logger.warning("no %s could be encoded with %s: %s", kind, self.encoder.name, advice)
        matrix = np.concatenate([part for part, _ in fitted.values()])
        about: dict[str, Any] = {
            "kinds": [str(kind) for kind in fitted],  # in the order of the stacked matrices
            "agreement": {str(kind): agreement.to_dict() for kind, (_, agreement) in fitted.items()},
        }
        with self.store.transaction() as connection:
            reencoding.save_encoder_map(connection, self.source.id, self.new_id, matrix, about)
        return matrix.astype("<f4").tobytes(), about

    def _pairs(self, connection: Connection, kind: Modality) -> tuple[Vectors, Vectors]:
        """Return vectors of the same units under both encoders, none approximate, (n, d_old) and (n, d_new).

        When a library returns to a former encoder, both may have embedded all units; more pairs than a sample would
        only fill the memory.
        """
        old, new = (reencoding.encoded_units(connection, id_, kind) for id_ in (self.source.id, self.new_id))
        unit_ids = _draw(np.intersect1d(old, new, assume_unique=True), SAMPLE_SIZE)
        old_ids, old_vectors = units.unit_vectors(connection, self.source.id, self.source.dim, unit_ids)
        new_ids, new_vectors = units.unit_vectors(connection, self.new_id, self.encoder.dim, unit_ids)
        _, old_rows, new_rows = np.intersect1d(old_ids, new_ids, assume_unique=True, return_indices=True)
        old_vectors, new_vectors = old_vectors[old_rows], new_vectors[new_rows]
        is_valid = is_unit_length(old_vectors) & is_unit_length(new_vectors)  # a damaged vector would spoil the map
        return old_vectors[is_valid], new_vectors[is_valid]


def _draw_sample(candidates: Ids, encoded: Ids) -> list[int]:
    """Return the units to encode, ascending, so that both encoders have embedded `SAMPLE_SIZE` units."""
    remaining = np.setdiff1d(candidates, encoded, assume_unique=True)
    missing = SAMPLE_SIZE - (len(candidates) - len(remaining))
    return _draw(remaining, max(missing, 0))


def _draw(unit_ids: Ids, count: int) -> list[int]:
    """Return `count` of the units, ascending, drawn with `_SEED`, or all if there are fewer."""
    drawn = np.random.default_rng(_SEED).choice(unit_ids, size=min(count, len(unit_ids)), replace=False)
    return [int(unit_id) for unit_id in np.sort(drawn)]
