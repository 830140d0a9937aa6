"""Encodes and commits new items batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from indexer.adding.commit import Commit
from indexer.adding.content import Content, ContentReader
from indexer.adding.inputs import NewItem
from indexer.adding.report import AddFailure, AddReport
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.config import Settings
from indexer.encoders.base import Encoder, is_unit_length
from indexer.errors import EncoderMismatchError, FailureKind, ItemError
from indexer.images import Keep
from indexer.store import Store
from indexer.types import Progress, ProgressCallback

OnConflict = Literal["replace", "skip", "error"]
"""What becomes of an item whose id the collection has already."""

BATCH_ITEMS = 5000
"""Items whose vectors were given that complete a batch: a transaction of a quarter of a second."""

BATCH_ENCODED = 256
"""Pieces of text to encode that complete a batch."""

BATCH_BYTES = 64 << 20
"""Bytes of stored pictures that complete a batch."""

SAVED_FROM = 1000
"""Additions from which on the index file is written; fewer are read from the catalog when a library is opened."""


@dataclass(slots=True)
class _Encoder:
    """The library's encoder, loaded when something must be encoded, or when a library without items gets some."""

    store: Store
    load: Callable[[], Encoder]
    loaded: Encoder | None = None

    def get(self) -> Encoder:
        if self.loaded is None:
            self.loaded = self.load()
        return self.loaded

    def identity(self) -> EncoderRecord | Encoder:
        """Return what tells dimension, preprocessing and fingerprint, without loading it if the library has items."""
        return self.store.encoder or self.get()

    def bind(self) -> EncoderRecord:
        """Return the library's record of its encoder; the caller holds the write lock."""
        return self.store.encoder or self.store.bind_encoder(self.get())


@dataclass(slots=True)
class _Batch:
    contents: list[Content] = field(default_factory=list)
    pictures: int = 0
    chunks: int = 0
    bytes: int = 0

    def add(self, content: Content) -> None:
        self.contents.append(content)
        if content.vector is None:
            self.pictures += content.photo is not None
            self.chunks += len(content.chunks)
        if content.photo is not None:
            self.bytes += len(content.photo.stored or b"") + content.photo.pixels.nbytes

    def is_full(self, encoder: _Encoder) -> bool:
        return (
            len(self.contents) >= BATCH_ITEMS
            or (self.pictures > 0 and self.pictures >= encoder.get().batch_size)
            or self.chunks >= BATCH_ENCODED
            or self.bytes >= BATCH_BYTES
        )


def add_items(
    store: Store,
    items: Iterable[NewItem],
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    collection: str,
    on_conflict: OnConflict,
    keep: Keep,
    wait: float | None,
    total: int | None,
    may_have_pictures: bool,
    progress: ProgressCallback | None = None,
) -> AddReport:
    """Add items to a collection, and return a report; see `Library.add`.

    Args:
        store: The library; its write lock must not be held.
        items: The items.
        load: Loads the encoder; called only if something must be encoded, or if the library is new.
        settings: Limits, number of workers and time limit of the decoder.
        collection: Name of the collection, as `check_collection` returns it.
        on_conflict: What to do with items whose id the collection has.
        keep: What to store of pictures.
        wait: Seconds to wait for another writer; None for the library's own.
        total: Number of items, None if it is not known.
        may_have_pictures: Whether any item may have a picture.
        progress: Called after each batch.
    """
    start, report = time.perf_counter(), AddReport()
    encoder = _Encoder(store, load)
    identity = encoder.identity()
    reader = ContentReader(identity.dim, identity.preprocess, lambda: encoder.get().fits, settings, keep)
    read = reader.read if may_have_pictures else reader.read_vectors
    commit = Commit(store, encoder.bind, identity.fingerprint, collection, on_conflict, keep, wait, report)
    notify = progress or (lambda _: None)
    if total != 1:
        notify(Progress("adding", 0, total))
    for batch in _batches(read(items), report, encoder):
        must_encode = batch.pictures or batch.chunks
        pending = commit.select(batch.contents) if must_encode else batch.contents  # else `write` selects them
        commit.write(_encode(pending, encoder, identity.fingerprint, report))
        notify(Progress("adding", len(report.ids), total))
    if report.added + report.replaced >= SAVED_FROM:
        store.index(save=True)
    report.failures.sort(key=lambda failure: failure.position)
    report.seconds = time.perf_counter() - start
    return report


def _batches(
    contents: Iterable[tuple[NewItem, Content | ItemError]], report: AddReport, encoder: _Encoder
) -> Iterator[_Batch]:
    """Yield complete batches; failures go to the report."""
    batch = _Batch()
    for item, content in contents:
        if isinstance(content, ItemError):
            id_ = item.id if isinstance(item.id, str) else ""
            report.ids.append(id_)
            report.failures.append(AddFailure(item.position, id_, content.kind, str(content)))
            continue
        report.ids.append(content.id)
        batch.add(content)
        if batch.is_full(encoder):
            yield batch
            batch = _Batch()
    if batch.contents:
        yield batch


def _encode(contents: list[Content], encoder: _Encoder, fingerprint: str, report: AddReport) -> list[Content]:
    """Return the items with their vectors; those that the encoder returns no usable vector for are failures.

    Raises:
        EncoderMismatchError: The library's encoder changed meanwhile.
    """
    to_encode = [content for content in contents if content.vector is None]
    for content in contents:
        if content.vector is not None:
            content.vectors = content.vector[None]  # (1, d)
    if to_encode:
        loaded = encoder.get()
        if loaded.fingerprint != fingerprint:
            raise EncoderMismatchError("the library's encoder was changed while items were added; add the rest again")
        pixels = [content.photo.pixels for content in to_encode if content.photo is not None]
        pictures = iter(loaded.encode_images(np.stack(pixels)) if pixels else ())
        texts = [chunk for content in to_encode for chunk in content.chunks]
        chunks = iter(loaded.encode_texts(texts) if texts else ())
        for content in to_encode:
            of_picture = [next(pictures)] if content.photo is not None else []
            content.vectors = np.stack([*of_picture, *(next(chunks) for _ in content.chunks)])  # (u, d)
    usable = []
    for content in contents:
        if content.vector is not None or (content.vectors is not None and is_unit_length(content.vectors).all()):
            usable.append(content)
        else:
            message = "the encoder returns no usable vector for it"
            report.failures.append(AddFailure(content.position, content.id, FailureKind.ENCODER, message))
    return usable
