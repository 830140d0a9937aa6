"""Where encoded batches go: into a library's catalog, or, outside of this room, into the parts of an export."""

from __future__ import annotations

from abc import ABC, abstractmethod

from indexer.catalog.statements import sources, writes
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.sync.batch import Batch
from indexer.sync.item_columns import failure_columns, file_columns, item_columns, metadata_columns, searchable_text
from indexer.types import Modality, Preprocess, Vectors


class BatchTarget(ABC):
    """Takes batches in the order of the walk; all calls but `preprocess` come from one thread."""

    @property
    @abstractmethod
    def preprocess(self) -> Preprocess | None:
        """Preprocessing that the pictures must have; None takes that of the encoder, which is loaded for it."""

    @abstractmethod
    def bind(self, encoder: Encoder) -> None:
        """Take notice of the encoder before the first batch."""

    @abstractmethod
    def write(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Write a batch, with the vectors of its pictures and of its chunks, shape (n, d)."""

    @abstractmethod
    def let_others_write(self) -> None:
        """Let others who wait write before the next batch."""


class CatalogTarget(BatchTarget):
    """A library, in which each batch is one transaction."""

    def __init__(self, store: Store, source_id: int | None) -> None:
        """Take a library, whose write lock must be held, and the items' source."""
        self._store, self._source_id = store, source_id
        self._encoder_id = 0

    @property
    def preprocess(self) -> Preprocess | None:
        """Preprocessing of the library's encoder; None if it has none yet."""
        return self._store.encoder.preprocess if self._store.encoder else None

    def bind(self, encoder: Encoder) -> None:
        """Make the encoder the library's, or check that it is."""
        self._encoder_id = self._store.bind_encoder(encoder).id

    def write(self, batch: Batch, photos: Vectors, texts: Vectors) -> None:
        """Write a batch in one transaction.

        Raises:
            StorageError: It cannot be written.
            SourceError: Another process removed the source from the library meanwhile.
        """
        with self._store.transaction() as connection:
            sources.require(connection, self._source_id)
            rows = [file_columns(item.step.file, self._source_id) | item_columns(item) for item in batch.items]
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
                    {"key": step.item_id}
                    | file_columns(step.file, self._source_id)
                    | metadata_columns(step.file, photo)
                    for step, photo in batch.rereads
                    if photo is not None
                ],
                ids=[step.item_id for step, _ in batch.rereads],
            )
            writes.save_items(
                connection,
                [
                    file_columns(step.file, self._source_id) | failure_columns(step.file, error)
                    for step, error in batch.failures
                ],
            )

    def let_others_write(self) -> None:
        """Let other processes that wait for the write lock have it."""
        self._store.let_others_write()
