"""Makes another encoder the library's own: a sample is encoded, a map is fitted, the rest is mapped."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import encoders, items, reencoding, units
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.errors import EncoderError, LibraryError
from indexer.maintenance.reencode.encode_units import encode_units, is_unit_length
from indexer.maintenance.reencode.linear_map import apply_map, fit_map
from indexer.store import Store
from indexer.types import Ids, Modality, Progress, ProgressCallback, Vectors

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 1000
"""Units of each kind that both encoders embed, for the map; a library with no more is encoded whole at once."""

SEED = 0

PAGE_SIZE = 2000
"""Units that are mapped and committed together."""


@dataclass(frozen=True, slots=True)
class EncoderChange:
    """What a change of encoder did.

    Attributes:
        encoder: The encoder that is active now.
        former: The one that was.
        is_new: Whether they are two; other weights of the same name are another encoder.
        units: Units that have an embedding under it.
        approximate: How many of them are mapped from the former one's.
        agreement: By kind what was measured of the map, see `Agreement` in `linear_map`; empty where nothing had to be
            mapped.
        seconds: From beginning to end.
    """

    encoder: str
    former: str
    is_new: bool
    units: int
    approximate: int
    agreement: dict[str, dict[str, Any]]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the change as values that json can write."""
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
    """Make an encoder the library's own and return what was done; until the very end the old one answers as before.

    Killed before that it goes on where it was when it is called again.

    Args:
        store: The library; its write lock must be held.
        encoder: The new one.
        settings: Limits, workers and time limit of the decoder.
        version: What was learnt that becomes active with it.
        progress: Told how far it has come.

    Raises:
        LibraryError: The library holds nothing yet.
        EncoderError: No unit could be encoded, so that there is nothing to fit a map on.
        StorageError: The disk is full or read-only; what was committed is kept.
    """
    old = store.encoder
    if old is None:
        raise LibraryError(
            f"{store.path} holds nothing yet; run: recall index --encoder {encoder.name} FOLDER, instead"
        )
    return _Change(store, old, old, encoder, settings, progress or (lambda _: None), version).run()


@dataclass(slots=True)
class _Change:
    store: Store
    old: EncoderRecord
    source: EncoderRecord  # whose embeddings are mapped: the old one, or one before it that it has mapped ones from
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
                if self._lacking():
                    self._encode_sample()
                if self._lacking():
                    agreement = self._map_rest() | agreement
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
            encoders.rename_encoder(connection, self.new_id, self.encoder.name)  # its folder may have moved since

    def _sources(self) -> list[EncoderRecord]:
        """Return whose embeddings are mapped: first real ones of those before where the old one has mapped ones."""
        with self.store.reading() as connection:
            is_mapped = reencoding.count_approximate(connection, self.old.id) > 0
            earlier = reencoding.former_encoders(connection) if is_mapped else []
        return [*(each for each in earlier if each.id not in (self.old.id, self.new_id)), self.old]

    def _lacking(self) -> int:
        with self.store.reading() as connection:
            return reencoding.count_pending(connection, self.source.id, self.new_id)

    def _kept_map(self, connection: Connection) -> tuple[bytes, dict[str, Any]] | None:
        """Return the map that an earlier run fitted, None where there is none for a kind that is wanted now."""
        kept = reencoding.encoder_map(connection, self.source.id, self.new_id)
        wanted = reencoding.pending_kinds(connection, self.source.id, self.new_id) if kept else set()
        return kept if kept and wanted <= set(kept[1]["kinds"]) else None

    def _encode_sample(self) -> None:
        """Encode units that stand for all, a transaction for each batch; those that are encoded already count."""
        with self.store.reading() as connection:
            if self._kept_map(connection) is not None:
                return  # an earlier run came further
            drawn: list[int] = []
            for kind in Modality:
                mine = reencoding.encoded_units(connection, self.source.id, kind)
                drawn += _drawn(mine, reencoding.encoded_units(connection, self.new_id, kind))
            made_of = units.unit_contents(connection, drawn)
        done = 0
        self.progress(Progress("encoding a sample", 0, len(drawn)))
        for batch in encode_units(list(made_of.values()), self.encoder, self.settings):
            with self.store.transaction() as connection:
                units.save_embeddings(connection, self.new_id, batch.vectors, made_of)
            done += batch.count
            self.progress(Progress("encoding a sample", done, len(drawn)))

    def _map_rest(self) -> dict[str, dict[str, Any]]:
        """Give all units without an embedding a mapped one, and return the agreement of the map by kind."""
        matrices, agreement = self._fitted()
        total, done, after = self._lacking(), 0, 0
        while True:
            with self.store.transaction() as connection:
                rows = reencoding.pending_embeddings(
                    connection, self.source.id, self.new_id, after=after, limit=PAGE_SIZE
                )
                good = [row for row in rows if len(row.vector) == self.source.dim * items.VECTOR_DTYPE.itemsize]
                for kind in Modality:
                    mine = [row for row in good if row.kind == kind]
                    if mine:
                        raw = np.frombuffer(b"".join(row.vector for row in mine), dtype=items.VECTOR_DTYPE)
                        old = raw.astype(np.float32).reshape(len(mine), self.source.dim)
                        sound = is_unit_length(
                            old
                        )  # a unit whose vector is damaged gets none, and is encoded by the next sync
                        ids = [row.unit_id for row, is_sound in zip(mine, sound, strict=True) if is_sound]
                        vectors = apply_map(old[sound], matrices.get(kind, next(iter(matrices.values()))))
                        reencoding.add_approximate(connection, self.new_id, ids, vectors)
            if not rows:
                return agreement
            after = rows[-1].id
            done += len(rows)
            self.progress(Progress("mapping", done, total))

    def _fitted(self) -> tuple[dict[Modality, Vectors], dict[str, dict[str, Any]]]:
        """Return the map of each kind that there are pairs of, and its agreement; a map that is kept serves again."""
        with self.store.reading() as connection:
            kept = self._kept_map(connection)
            wanted = reencoding.pending_kinds(connection, self.source.id, self.new_id)
            pairs = {kind: self._pairs(connection, kind) for kind in Modality} if kept is None else {}
        if kept is None:
            fits = {kind: fit_map(*both, seed=SEED) for kind, both in pairs.items() if len(both[0])}
            if not fits:
                raise EncoderError(
                    f"no photo or text could be encoded with {self.encoder.name!r}, so that nothing is known of how "
                    "its vectors go with the old ones; are the photos' disks there? Nothing was changed"
                )
            for kind in sorted(wanted - set(fits)):
                advice = "all are mapped as the others are, which may tell little; are their disks there?"
                logger.warning("no %s could be encoded with %s: %s", kind, self.encoder.name, advice)
            matrix = np.concatenate([each for each, _ in fits.values()])
            about: dict[str, Any] = {
                "kinds": [str(kind) for kind in fits],  # the matrix holds theirs below each other
                "agreement": {str(kind): found.to_dict() for kind, (_, found) in fits.items()},
            }
            with self.store.transaction() as connection:
                reencoding.save_encoder_map(connection, self.source.id, self.new_id, matrix, about)
            kept = matrix.astype("<f4").tobytes(), about
        stacked = np.frombuffer(kept[0], dtype="<f4").astype(np.float32)
        parts = stacked.reshape(len(kept[1]["kinds"]), self.source.dim + 1, self.encoder.dim)
        return {Modality(kind): part for kind, part in zip(kept[1]["kinds"], parts, strict=True)}, kept[1]["agreement"]

    def _pairs(self, connection: Connection, kind: Modality) -> tuple[Vectors, Vectors]:
        """Return the vectors of units of a kind under both encoders, none of them mapped, (n, d_old) and (n, d_new).

        On a way back both may have embedded all: more than a sample tells no more and would fill the memory.
        """
        here, there = (reencoding.encoded_units(connection, each, kind) for each in (self.source.id, self.new_id))
        both = _some(np.intersect1d(here, there, assume_unique=True), SAMPLE_SIZE)
        first_ids, first = units.unit_vectors(connection, self.source.id, self.source.dim, both)
        second_ids, second = units.unit_vectors(connection, self.new_id, self.encoder.dim, both)
        _, rows, others = np.intersect1d(first_ids, second_ids, assume_unique=True, return_indices=True)
        first, second = first[rows], second[others]
        sound = is_unit_length(first) & is_unit_length(second)  # one that is damaged would spoil the map
        return first[sound], second[sound]


def _drawn(candidates: Ids, known: Ids) -> Sequence[int]:
    """Return the units to encode, ascending, so that both encoders have embedded `SAMPLE_SIZE` units."""
    left = np.setdiff1d(candidates, known, assume_unique=True)
    wanted = SAMPLE_SIZE - (len(candidates) - len(left))
    return _some(left, max(wanted, 0))


def _some(units: Ids, count: int) -> list[int]:
    """Return so many of some units, ascending, drawn by `SEED`; all where there are fewer."""
    chosen = np.random.default_rng(SEED).choice(units, size=min(count, len(units)), replace=False)
    return [int(each) for each in np.sort(chosen)]
