"""Decodes, encodes and commits new items batch by batch: overlapped, bounded, in the order of the walk.

Worker processes decode a bounded number of photos ahead, the caller's thread encodes, and one thread commits the
previous batch. The encoder does not wait if the other stages are fast enough, Ctrl-C reaches it at once, and a kill
loses at most two batches, the one being encoded and the one being written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.errors import ItemError, PictureError
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool
from indexer.sync.batch import Batch
from indexer.sync.batch_target import BatchTarget
from indexer.sync.item_reader import picture_path, read_item, sidecar_paths
from indexer.sync.report import SyncReport
from indexer.sync.spool import Work
from indexer.sync.steps import Added, Reread
from indexer.types import Pixels, Progress, ProgressCallback, Vectors, file_of

T = TypeVar("T")

BATCH_FAILURES = 256
"""Failures that complete a batch."""

BATCH_CHUNKS = 256
"""Chunks that complete a batch; with `compact` half a second of one core."""

BATCH_ITEMS = 256
"""Items that complete a batch; rows of a table may share their pictures."""


@dataclass(slots=True)
class EncodeStage:
    """The part of a sync that needs an encoder.

    Attributes:
        target: Where the batches go.
        load: Loads the encoder; called with the first item.
        settings: Limits, number of workers and time limit of the decoder.
        report: Counts and times are added to it.
        progress: Called after each commit, in the thread that calls `run`.
        pool: Decodes; None starts processes for each run.
    """

    target: BatchTarget
    load: Callable[[], Encoder]
    settings: Settings
    report: SyncReport
    progress: ProgressCallback
    pool: DecodePool | None = None
    _encoder: Encoder | None = None
    _total: int = 0
    _writer: ThreadPoolExecutor = field(init=False)

    def run(self, work: Iterable[Work], total: int, *, of: int = 0) -> None:
        """Decode, encode and commit all items, batch by batch.

        Args:
            work: The steps, in the order in which they are committed.
            total: Their number.
            of: Number of steps of all runs that this is one of; 0 if it is the only one.

        Raises:
            StorageError: A batch cannot be written; earlier batches stay committed.
            SourceError: Another process removed the source from the library meanwhile.
            Exception: Any exception of the encoder, with a note that names its batch; earlier batches stay committed.
        """
        # A single thread writes, so transactions never overlap. However the run ends, also by Ctrl-C, it finishes its
        # transaction.
        with ThreadPoolExecutor(1, thread_name_prefix="recall-writer") as self._writer:
            self._total = of or total
            self.progress(Progress("indexing", 0, total))
            with (
                self._decoders() as pool,
                closing(
                    pool.imap(work, path_of=picture_path, sidecars_of=sidecar_paths, min_ahead=self._min_ahead)
                ) as decoded,
            ):
                done = 0
                for batch in self._commit_batches(self._read_batches(decoded)):
                    done += self._count(batch)
                    self.progress(Progress("indexing", done, total))
                self.report.seconds["decode"] = pool.seconds

    def _decoders(self) -> AbstractContextManager[DecodePool]:
        """Return a pool that prepares pictures for the encoder, to be closed by a `with` statement if it is new."""
        if self.pool is not None:
            return nullcontext(self.pool)
        settings = self.settings
        return DecodePool(
            preprocess=self.target.preprocess or self._get_encoder().preprocess,
            limits=Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes),
            workers=settings.decoders,
            timeout=settings.timeout,
        )

    def _min_ahead(self) -> int:
        """Return how many photos to decode ahead at least, so that the next batch is ready when one is encoded."""
        return 2 * self._encoder.batch_size if self._encoder else 0

    def _commit_batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield each batch after its commit; while one is written, the next is decoded and encoded."""
        writing: tuple[Batch, Future[None]] | None = None
        for batch in batches:
            photos, texts = self._encode(batch)
            if writing:
                yield self._await_commit(*writing)
            writing = batch, self._in_writer(partial(self._commit, batch, photos, texts))
        if writing:
            yield self._await_commit(*writing)

    def _in_writer(self, task: Callable[[], T]) -> Future[T]:
        """Run a task in the writer's thread, with the same active settings as here."""
        return self._writer.submit(copy_context().run, task)

    def _await_commit(self, batch: Batch, writing: Future[None]) -> Batch:
        with self.report.waiting("write"):
            writing.result()
        return batch

    def _read_batches(self, decoded: Iterator[tuple[Work, Photo | PictureError | None]]) -> Iterator[Batch]:
        """Yield complete batches. The encoder is loaded with the first item, not for failures alone."""
        batch = Batch()
        while True:
            with self.report.waiting("decode"):
                result = next(decoded, None)
            if result is None:
                break
            step, photo = result
            if isinstance(step, Reread):
                batch.rereads.append((step, photo if isinstance(photo, Photo) else None))
                if self._is_full(batch):
                    yield batch
                    batch = Batch()
                continue
            item = read_item(step, photo, fits=lambda: self._get_encoder().fits, max_bytes=self.settings.max_bytes)
            if isinstance(item, ItemError):
                batch.failures.append((step, item))
            else:
                batch.add(item)
            if self._is_full(batch):
                yield batch
                batch = Batch()
        if len(batch):
            yield batch

    def _is_full(self, batch: Batch) -> bool:
        if (
            len(batch.failures) >= BATCH_FAILURES
            or batch.chunk_count >= BATCH_CHUNKS
            or len(batch.items) + len(batch.rereads) >= BATCH_ITEMS
        ):
            return True
        return bool(batch.picture_rows) and len(batch.picture_rows) >= self._get_encoder().batch_size

    def _get_encoder(self) -> Encoder:
        """Return the encoder; on the first call it is loaded and the target bound to it."""
        if self._encoder is None:
            with self.report.timing("load"):
                self.progress(Progress("loading the encoder", 0))
                self._encoder = self.load()
                self._in_writer(partial(self.target.bind, self._encoder)).result()
        return self._encoder

    def _encode(self, batch: Batch) -> tuple[Vectors, Vectors]:
        """Return the vectors of the batch's pictures and of its chunks, shape (n, d); unusable items are dropped."""
        photos = texts = np.empty((0, 0), dtype=np.float32)
        if not batch.items:
            return photos, texts
        encoder = self._get_encoder()
        try:
            with self.report.timing("encode"):
                if batch.picture_rows:
                    fills_up = self._total >= encoder.batch_size and batch.chunk_count < BATCH_CHUNKS
                    photos = batch.item_vectors(_photo_vectors(encoder, batch.pixels(), fills_up=fills_up))
                if batch.chunk_count:
                    texts = encoder.encode_texts(batch.texts())
                return batch.drop_unusable(photos, texts)
        except Exception as error:  # re-raised with a note that names the batch
            first, last = (file_of(item.step.file.path) for item in (batch.items[0], batch.items[-1]))
            error.add_note(f"while encoding {len(batch.items)} items, {first} to {last}; earlier ones are kept")
            raise

    def _commit(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Write a batch, then let other writers in; runs in the writer's thread."""
        with self.report.timing("write", in_background=True):
            self.target.write(batch, photos, texts)
        self.target.let_others_write()

    def _count(self, batch: Batch) -> int:
        """Count a committed batch in the report and return its size."""
        for item in batch.items:
            self.report.count("added" if isinstance(item.step, Added) else "changed")
        self.report.count("failed", len(batch.failures))
        self.report.count("unchanged", len(batch.rereads))
        return len(batch)


def _photo_vectors(encoder: Encoder, pixels: Pixels, *, fills_up: bool) -> Vectors:
    """Return the vectors of a batch's pictures, shape (n, d).

    The last bits of a vector depend on how many pictures are encoded together, though not on which. So black pictures
    can fill up a batch that is not full: bad files and the end of a run change no vector. Batches that many texts
    end have one photo each at worst; filling these up would cost a whole batch of pictures each time.

    Args:
        encoder: The encoder.
        pixels: The pictures, shape (n, size, size, 3).
        fills_up: Whether to fill up the batch.
    """
    missing = encoder.batch_size - len(pixels) if fills_up else 0
    if missing <= 0:
        return encoder.encode_images(pixels)
    black = np.zeros((missing, *pixels.shape[1:]), dtype=pixels.dtype)
    return encoder.encode_images(np.concatenate([pixels, black]))[: len(pixels)]
