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

import numpy as np

from indexer.catalog.statements import writes
from indexer.config import Settings, cpu_count
from indexer.encoders.base import Encoder
from indexer.errors import ItemError, PictureError
from indexer.images import Limits, Photo
from indexer.images.workers import DecodePool
from indexer.store import Store
from indexer.sync.batch import Batch
from indexer.sync.item_columns import failure_columns, file_columns, item_columns, searchable_text
from indexer.sync.item_reader import picture_of, read_item, sidecar_of
from indexer.sync.planner import Added
from indexer.sync.report import SyncReport
from indexer.sync.spool import Work
from indexer.types import Modality, Progress, ProgressCallback, Vectors, file_of

FAILED = 256
"""Failures that are committed together when no photo comes between."""

CHUNKS = 256
"""Pieces of text after which a batch is encoded and committed, with `compact` half a second of one core."""

ROWS = 256
"""Items after which it is, where rows of a table share their pictures."""


@dataclass(slots=True)
class EncodeStage:
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
    report: SyncReport
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
            with (
                self._decoders() as pool,
                closing(pool.imap(work, path_of=picture_of, sidecar_of=sidecar_of, min_ahead=self._ahead)) as decoded,
            ):
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
            workers=settings.workers or cpu_count(),
            timeout=settings.timeout,
        )

    def _ahead(self) -> int:
        """Return for how many photos decoders must not wait: while one batch is encoded, the next is decoded."""
        return 2 * self._encoder.batch_size if self._encoder else 0

    def _committed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield each batch when it is committed; while one is written, the next is decoded and encoded."""
        writing: tuple[Batch, Future[None]] | None = None
        for batch in batches:
            photos, texts = self._encode(batch)
            if writing:
                yield self._awaited(*writing)
            writing = batch, self._writer.submit(self._commit, batch, photos, texts)
        if writing:
            yield self._awaited(*writing)

    def _awaited(self, batch: Batch, writing: Future[None]) -> Batch:
        with self.report.waiting("write"):
            writing.result()
        return batch

    def _batches(self, decoded: Iterator[tuple[Work, Photo | PictureError | None]]) -> Iterator[Batch]:
        """Yield what is committed together; the encoder is loaded with the first item, not for failures alone."""
        batch = Batch()
        while True:
            with self.report.waiting("decode"):
                found = next(decoded, None)
            if found is None:
                break
            step, photo = found
            item = read_item(step, photo, fits=lambda: self._loaded().fits, max_bytes=self.settings.max_bytes)
            if isinstance(item, ItemError):
                batch.failed.append((step, item))
            else:
                batch.add(item)
            if self._is_full(batch):
                yield batch
                batch = Batch()
        if len(batch):
            yield batch

    def _is_full(self, batch: Batch) -> bool:
        if len(batch.failed) >= FAILED or batch.chunks >= CHUNKS or len(batch.entries) >= ROWS:
            return True
        return bool(batch.pictures) and len(batch.pictures) >= self._loaded().batch_size

    def _loaded(self) -> Encoder:
        """Return the encoder, loaded and bound to the library when it is first needed."""
        if self._encoder is None:
            with self.report.timing("load"):
                self.progress(Progress("loading the encoder", 0))
                self._encoder = self.load()
                self._encoder_id = self._writer.submit(self.store.bind_encoder, self._encoder).result().id
        return self._encoder

    def _encode(self, batch: Batch) -> tuple[Vectors, Vectors]:
        """Return one vector for each photo and each piece of text that stay in the batch, shape (n, d)."""
        photos = texts = np.empty((0, 0), dtype=np.float32)
        if not batch.entries:
            return photos, texts
        encoder = self._loaded()
        try:
            with self.report.timing("encode"):
                if batch.pictures:
                    photos = batch.of_each(encoder.encode_images(batch.pixels()))
                if batch.chunks:
                    texts = encoder.encode_texts(batch.texts())
                return batch.refuse(photos, texts)
        except Exception as error:  # whatever it is goes on to the caller, with the batch that it is about
            first, last = (file_of(entry.step.file.path) for entry in (batch.entries[0], batch.entries[-1]))
            error.add_note(f"while {len(batch.entries)} items were encoded, {first} to {last}; those before are kept")
            raise

    def _commit(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Write a batch in one transaction; runs in the writer's thread."""
        with self.report.timing("write", in_background=True), self.store.transaction() as connection:
            rows = [file_columns(entry.step.file, self.source_id) | item_columns(entry) for entry in batch.entries]
            ids = writes.save_items(connection, rows)
            with_photo = [id_ for id_, entry in zip(ids, batch.entries, strict=True) if entry.photo is not None]
            said = [searchable_text(entry.photo.metadata) for entry in batch.entries if entry.photo is not None]
            writes.add_embeddings(connection, with_photo, self._encoder_id, photos, texts=said)
            with_text = [id_ for id_, entry in zip(ids, batch.entries, strict=True) for _ in entry.chunks]
            writes.add_embeddings(
                connection, with_text, self._encoder_id, texts, kind=Modality.TEXT, texts=batch.texts()
            )
            writes.save_items(
                connection,
                [
                    file_columns(step.file, self.source_id) | failure_columns(step.file, error)
                    for step, error in batch.failed
                ],
            )

    def _count(self, batch: Batch) -> int:
        """Count a committed batch in the report and return its size."""
        for entry in batch.entries:
            self.report.count("added" if isinstance(entry.step, Added) else "changed")
        self.report.count("failed", len(batch.failed))
        return len(batch)
