"""Decode -> encode -> commit of what is new: overlapped, bounded, in the order of the walk.

The decoders are processes of their own, a bounded number of photos ahead; the caller's thread encodes; one thread
commits the batch before. So the encoder waits for nobody who is fast enough, Ctrl-C reaches the encoder at once, and a
kill costs at most the two batches that are at the encoder and at the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexer.catalog import changes
from indexer.config import Settings, processors
from indexer.decode import DecodePool
from indexer.encoders.base import Encoder
from indexer.errors import FailureKind, PictureError
from indexer.facts import failure_columns, photo_columns, place_columns, said_about
from indexer.images import Limits, Photo
from indexer.plan import Added
from indexer.report import Report
from indexer.spool import Work
from indexer.store import Store
from indexer.types import Pixels, Progress, ProgressCallback, Vectors

FAILED = 256
"""Failures that are committed together when no photo comes between."""


@dataclass(slots=True)
class Batch:
    """Decoded photos that are encoded and committed together, and the failures among them."""

    photos: list[tuple[Work, Photo]] = field(default_factory=list)
    failed: list[tuple[Work, PictureError]] = field(default_factory=list)

    def add(self, step: Work, photo: Photo | PictureError) -> None:
        """Take in what came of a step."""
        if isinstance(photo, PictureError):
            self.failed.append((step, photo))
        else:
            self.photos.append((step, photo))

    def __len__(self) -> int:
        return len(self.photos) + len(self.failed)

    def pixels(self) -> Pixels:
        """Return all pictures in one array, shape (n, size, size, 3)."""
        return np.stack([photo.pixels for _, photo in self.photos])

    def refuse(self, vectors: Vectors) -> Vectors:
        """Return the usable vectors, shape (m, d), after moving photos without one to the failures."""
        usable = np.isfinite(vectors).all(axis=1) & (np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2)
        error = PictureError(FailureKind.ENCODER, "the encoder gives no usable vector for it")
        self.failed += [(step, error) for (step, _), good in zip(self.photos, usable, strict=True) if not good]
        self.photos = [pair for pair, good in zip(self.photos, usable, strict=True) if good]
        kept: Vectors = vectors[usable]
        return kept


@dataclass(slots=True)
class Encoding:
    """The part of a sync that needs an encoder.

    Attributes:
        store: The library; its write lock must be held.
        load: Gives the encoder; called with the first photo.
        settings: Limits, workers and time limit of the decoder.
        report: Gets the counts and the seconds.
        progress: Told what was committed; called in the thread that calls `run`.
        source_id: The source that the items belong to.
    """

    store: Store
    load: Callable[[], Encoder]
    settings: Settings
    report: Report
    progress: ProgressCallback
    source_id: int | None
    _encoder: Encoder | None = None
    _encoder_id: int = 0
    _writer: ThreadPoolExecutor = field(init=False)

    def run(self, work: Iterable[Work], total: int) -> None:
        """Decode, encode and commit everything, a batch at a time.

        Args:
            work: In the order in which it is committed.
            total: How many there are.

        Raises:
            StorageError: A batch cannot be written; those before it are kept.
            Exception: Whatever the encoder raises, with a note that names its batch; those before it are kept.
        """
        # One thread for all that is written, so that no two transactions meet. Whatever ends the run, also Ctrl-C, it
        # ends the transaction it is at.
        with ThreadPoolExecutor(1, thread_name_prefix="recall-writer") as self._writer:
            self.progress(Progress("indexing", 0, total))
            with self._decoders() as pool, closing(pool.imap(work, key=_path, beside=_sidecar)) as decoded:
                done = 0
                for batch in self._committed(self._batches(decoded)):
                    done += self._count(batch)
                    self.progress(Progress("indexing", done, total))
                self.report.seconds["decode"] = pool.seconds

    def _decoders(self) -> DecodePool:
        """Return a pool that prepares pictures for the library's encoder."""
        known, settings = self.store.encoder, self.settings
        return DecodePool(
            preprocess=known.preprocess if known else self._loaded().preprocess,
            limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
            workers=settings.workers or processors(),
            timeout=settings.timeout,
        )

    def _committed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield each batch when it is committed; while one is written, the next is decoded and encoded."""
        writing: tuple[Batch, Future[None]] | None = None
        for batch in batches:
            vectors = self._encode(batch)
            if writing:
                yield self._awaited(*writing)
            writing = batch, self._writer.submit(self._commit, batch, vectors)
        if writing:
            yield self._awaited(*writing)

    def _awaited(self, batch: Batch, writing: Future[None]) -> Batch:
        with self.report.waiting("write"):
            writing.result()
        return batch

    def _batches(self, decoded: Iterator[tuple[Work, Photo | PictureError]]) -> Iterator[Batch]:
        """Yield what is committed together; the encoder is loaded with the first photo, not for failures alone."""
        batch = Batch()
        while True:
            with self.report.waiting("decode"):
                found = next(decoded, None)
            if found is None:
                break
            batch.add(*found)
            if len(batch.failed) >= FAILED or (batch.photos and len(batch.photos) >= self._loaded().batch_size):
                yield batch
                batch = Batch()
        if len(batch):
            yield batch

    def _loaded(self) -> Encoder:
        """Return the encoder, loaded and bound to the library when it is first needed."""
        if self._encoder is None:
            with self.report.timing("load"):
                self.progress(Progress("loading the encoder", 0))
                self._encoder = self.load()
                self._encoder_id = self._writer.submit(self.store.bind, self._encoder).result().id
        return self._encoder

    def _encode(self, batch: Batch) -> Vectors:
        """Return one vector for each photo that stays in the batch, shape (n, d)."""
        if not batch.photos:
            return np.empty((0, 0), dtype=np.float32)
        encoder = self._loaded()
        try:
            with self.report.timing("encode"):
                return batch.refuse(encoder.encode_images(batch.pixels()))
        except Exception as error:  # whatever it is goes on to the caller, with the batch that it is about
            first, last = batch.photos[0][0].file.path, batch.photos[-1][0].file.path
            error.add_note(f"while {len(batch.photos)} photos were encoded, {first} to {last}; those before are kept")
            raise

    def _commit(self, batch: Batch, vectors: Vectors) -> None:
        """Write a batch in one transaction; runs in the writer's thread."""
        with self.report.timing("write", beside=True), self.store.transaction() as connection:
            rows = [
                place_columns(step.file, self.source_id) | photo_columns(step.file, photo)
                for step, photo in batch.photos
            ]
            ids = changes.save_items(connection, rows)
            texts = [said_about(photo.metadata) for _, photo in batch.photos]
            changes.add_embeddings(connection, ids, self._encoder_id, vectors, texts=texts)
            changes.save_items(
                connection,
                [place_columns(step.file, self.source_id) | failure_columns(error) for step, error in batch.failed],
            )

    def _count(self, batch: Batch) -> int:
        """Count a committed batch in the report and return its size."""
        for step, _ in batch.photos:
            self.report.count("added" if isinstance(step, Added) else "changed")
        self.report.count("failed", len(batch.failed))
        return len(batch)


def _path(step: Work) -> Path:
    return Path(step.file.path)


def _sidecar(step: Work) -> Path | None:
    return Path(step.file.sidecar) if step.file.sidecar else None
