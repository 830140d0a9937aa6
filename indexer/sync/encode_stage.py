"""Decodes, encodes and commits new items batch by batch: overlapped, bounded, in the order of the walk.

Worker processes decode a bounded number of photos ahead, the caller's thread encodes, and one thread commits the
previous batch. The encoder does not wait if the other stages are fast enough, Ctrl-C reaches it at once, and a kill
loses at most two batches, the one being encoded and the one being written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from indexer.catalog.statements import sources, writes
from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.errors import ItemError, PictureError
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool
from indexer.store import Store
from indexer.sync.batch import Batch
from indexer.sync.item_columns import failure_columns, file_columns, item_columns, metadata_columns, searchable_text
from indexer.sync.item_reader import picture_path, read_item, sidecar_paths
from indexer.sync.report import SyncReport
from indexer.sync.spool import Work
from indexer.sync.steps import Added, Reread
from indexer.types import Modality, Progress, ProgressCallback, Vectors, file_of

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
        store: The library; its write lock must be held.
        load: Loads the encoder; called with the first item.
        settings: Limits, number of workers and time limit of the decoder.
        report: Counts and times are added to it.
        progress: Called after each commit, in the thread that calls `run`.
        source_id: The items' source.
    """

    store: Store
    load: Callable[[], Encoder]
    settings: Settings
    report: SyncReport
    progress: ProgressCallback
    source_id: int | None
    _encoder: Encoder | None = None
    _encoder_id: int = 0
    _writer: ThreadPoolExecutor = field(init=False)

    def run(self, work: Iterable[Work], total: int) -> None:
        """Decode, encode and commit all items, batch by batch.

        Args:
            work: The steps, in the order in which they are committed.
            total: Their number.

        Raises:
            StorageError: A batch cannot be written; earlier batches stay committed.
            SourceError: Another process removed the source from the library meanwhile.
            Exception: Any exception of the encoder, with a note that names its batch; earlier batches stay committed.
        """
        # A single thread writes, so transactions never overlap. However the run ends, also by Ctrl-C, it finishes its
        # transaction.
        with ThreadPoolExecutor(1, thread_name_prefix="recall-writer") as self._writer:
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

    def _decoders(self) -> DecodePool:
        """Return a pool that prepares pictures for the library's encoder."""
        bound, settings = self.store.encoder, self.settings
        return DecodePool(
            preprocess=bound.preprocess if bound else self._get_encoder().preprocess,
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
        """Return the encoder; on the first call it is loaded and bound to the library."""
        if self._encoder is None:
            with self.report.timing("load"):
                self.progress(Progress("loading the encoder", 0))
                self._encoder = self.load()
                self._encoder_id = self._in_writer(partial(self.store.bind_encoder, self._encoder)).result().id
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
                    photos = batch.item_vectors(encoder.encode_images(batch.pixels()))
                if batch.chunk_count:
                    texts = encoder.encode_texts(batch.texts())
                return batch.drop_unusable(photos, texts)
        except Exception as error:  # re-raised with a note that names the batch
            first, last = (file_of(item.step.file.path) for item in (batch.items[0], batch.items[-1]))
            error.add_note(f"while encoding {len(batch.items)} items, {first} to {last}; earlier ones are kept")
            raise

    def _commit(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Write a batch in one transaction, then let other writers in; runs in the writer's thread."""
        with self.report.timing("write", in_background=True), self.store.transaction() as connection:
            sources.require(connection, self.source_id)
            rows = [file_columns(item.step.file, self.source_id) | item_columns(item) for item in batch.items]
            ids = writes.save_items(connection, rows)
            photo_ids = [id_ for id_, item in zip(ids, batch.items, strict=True) if item.photo is not None]
            metadata = [searchable_text(item.photo.metadata) for item in batch.items if item.photo is not None]
            writes.add_embeddings(connection, photo_ids, self._encoder_id, photos, texts=metadata)
            text_ids = [id_ for id_, item in zip(ids, batch.items, strict=True) for _ in item.chunks]
            writes.add_embeddings(
                connection, text_ids, self._encoder_id, texts, kind=Modality.TEXT, texts=batch.texts()
            )
            writes.update_metadata(
                connection,
                [
                    {"key": step.item_id} | file_columns(step.file, self.source_id) | metadata_columns(step.file, photo)
                    for step, photo in batch.rereads
                    if photo is not None
                ],
                ids=[step.item_id for step, _ in batch.rereads],
            )
            writes.save_items(
                connection,
                [
                    file_columns(step.file, self.source_id) | failure_columns(step.file, error)
                    for step, error in batch.failures
                ],
            )
        self.store.let_others_write()

    def _count(self, batch: Batch) -> int:
        """Count a committed batch in the report and return its size."""
        for item in batch.items:
            self.report.count("added" if isinstance(item.step, Added) else "changed")
        self.report.count("failed", len(batch.failures))
        self.report.count("unchanged", len(batch.rereads))
        return len(batch)
