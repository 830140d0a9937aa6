"""Writes a batch of added items in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from indexer.adding.attachments import Attachments, save_attachments
from indexer.adding.content import Content
from indexer.adding.report import AddFailure, AddReport
from indexer.adding.values import check_types
from indexer.catalog.statements import added_items, encoders, item_metadata, items, writes
from indexer.catalog.statements.added_items import AddedRecord, PlainItem
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.errors import AddError, EncoderMismatchError, ItemError
from indexer.images import Keep
from indexer.store import Store
from indexer.store.stored_pictures import delete_files
from indexer.sync.item_columns import EMPTY_COLUMNS, picture_columns, searchable_text
from indexer.types import Modality, Vectors, added_path, utc_now


@dataclass(slots=True)
class Commit:
    """Selects and writes batches for one collection.

    Attributes:
        store: The library.
        bind: Returns the library's record of its encoder; called with the write lock.
        fingerprint: The encoder of the vectors.
        collection: Name of the collection.
        on_conflict: What to do with items whose id the collection has.
        keep: What is stored of pictures.
        wait: Seconds to wait for another writer; None for the library's own.
        report: Counts and failures are added to it.
        now: The time of adding, UTC.
    """

    store: Store
    bind: Callable[[], EncoderRecord]
    fingerprint: str
    collection: str
    on_conflict: str
    keep: Keep
    wait: float | None
    report: AddReport
    now: datetime = field(default_factory=utc_now)

    def select(self, contents: Sequence[Content]) -> list[Content]:
        """Return the items that must be encoded and written; the others are counted as unchanged, or are failures.

        Raises:
            AddError: The collection has an id already, and `on_conflict` is "error".
        """
        with self.store.reading() as connection:
            pending, known = self._without_known(connection, contents)
            return self._with_types(connection, pending, known)

    def write(self, contents: Sequence[Content]) -> None:
        """Write items in one transaction.

        Raises:
            AddError: The collection has an id by now, and `on_conflict` is "error"; nothing of the batch was written.
            EncoderMismatchError: The library's encoder was changed meanwhile.
        """
        if not contents:
            return
        with self.store.writing("adding items", wait=self.wait):
            record = self.bind()
            if record.fingerprint != self.fingerprint:
                raise EncoderMismatchError(
                    "the library's encoder was changed while items were added; add the rest again"
                )
            with self.store.transaction() as connection:
                pending, known = self._without_known(connection, contents)
                pending = self._with_types(connection, pending, known)
                unused = self._save(connection, record.id, pending, known) if pending else set()
            delete_files(self.store.picture_folder, unused)

    def _without_known(
        self, connection: Connection, contents: Sequence[Content]
    ) -> tuple[list[Content], dict[str, AddedRecord]]:
        """Return the items to write, each id once, and what the collection has of them by id.

        The others are counted as unchanged.
        """
        known = added_items.find_added(connection, self.collection, [content.id for content in contents])
        if known and self.on_conflict == "error":
            id_ = next(content.id for content in contents if content.id in known)
            raise AddError(
                f"the collection {self.collection!r} has an item {id_!r:.120} already; add it with "
                'on_conflict="replace" or "skip", or under another id'
            )
        vectors = self._stored_vectors(connection, contents, known)
        pending: dict[str, Content] = {}
        for content in contents:
            record = known.get(content.id)
            is_known = record is not None and (
                self.on_conflict == "skip" or _is_equal(content, record, vectors.get(record.item_id))
            )
            if content.id not in pending and not is_known:
                pending[content.id] = content
        self.report.unchanged += len(contents) - len(pending)
        return list(pending.values()), {id_: record for id_, record in known.items() if id_ in pending}

    def _stored_vectors(
        self, connection: Connection, contents: Iterable[Content], known: dict[str, AddedRecord]
    ) -> dict[int, Vectors]:
        """Return the stored vectors of known items for which a vector is given, by item id."""
        ids = [known[content.id].item_id for content in contents if content.vector is not None and content.id in known]
        record = encoders.active_encoder(connection) if ids else None
        return {} if record is None else items.first_vectors(connection, record, ids)

    def _with_types(
        self, connection: Connection, contents: Sequence[Content], known: dict[str, AddedRecord]
    ) -> list[Content]:
        """Return the items whose metadata has the types that other items have; the others are failures."""
        replaced = [record.item_id for record in known.values()]
        types = item_metadata.binding_types(connection, [content.types for content in contents], besides=replaced)
        pending = []
        for content in contents:
            if not content.types.items() <= types.items():
                try:
                    check_types(content.types, types)
                except ItemError as error:
                    failure = AddFailure(content.position, content.id, error.kind, str(error))
                    self.report.failures.append(failure)
                    continue
                types |= content.types
            pending.append(content)
        return pending

    def _save(
        self, connection: Connection, encoder_id: int, contents: Sequence[Content], known: dict[str, AddedRecord]
    ) -> set[bytes]:
        """Write items, and return the hashes of picture files that no item has any more."""
        replaced = [known[content.id].item_id for content in contents if content.id in known]
        source_id = added_items.collection_id(connection, self.collection)
        if any(content.photo is not None or content.id in known for content in contents):
            ids = writes.save_items(connection, [self._columns(content, source_id) for content in contents])
        else:
            ids = added_items.insert_plain(
                connection, [self._plain_columns(content, source_id) for content in contents]
            )
        rows = list(zip(ids, contents, strict=True))
        _save_vectors(connection, rows, encoder_id)
        self.report.replaced += len(replaced)
        self.report.added += len(contents) - len(replaced)
        attachments = [
            Attachments(id_, content.metadata, self.keep, None if content.photo is None else content.photo.stored)
            for id_, content in rows
        ]
        return save_attachments(self.store.picture_folder, connection, attachments, replaced=replaced)

    def _plain_columns(self, content: Content, source_id: int) -> PlainItem:
        """Return the columns of an item without a picture."""
        return PlainItem(
            source_id,
            added_path(self.collection, content.id),
            _kind(content),
            len((content.text or "").encode()),
            time.time_ns(),
            content.content_hash,
            self.now,
            content.uri,
            content.text,
            content.metadata or None,
        )

    def _columns(self, content: Content, source_id: int) -> dict[str, Any]:
        """Return the columns of an item with a picture, or of one that is replaced, and its labels."""
        columns = EMPTY_COLUMNS | self._plain_columns(content, source_id)._asdict()
        columns |= {"picture": content.picture_path, "ctime_ns": None}
        photo = content.photo
        return columns if photo is None else columns | picture_columns(photo) | {"size": photo.size}


def _is_equal(content: Content, record: AddedRecord, vector: Vectors | None) -> bool:
    """Return whether an item is stored as it is given."""
    return (
        content.content_hash == record.content_hash
        and content.text == record.text
        and content.uri == record.uri
        and content.metadata == (record.metadata or {})
        and (content.vector is None or _is_stored(content.vector, vector))
    )


def _is_stored(vector: Vectors, stored: Vectors | None) -> bool:
    """Return whether a vector, shape (d,), equals one as it is stored, in half precision."""
    return stored is not None and np.array_equal(vector.astype(VECTOR_DTYPE), stored.astype(VECTOR_DTYPE))


def _kind(content: Content) -> Modality:
    """Return the kind of an item: with a picture, or with a vector alone, it is a photo."""
    is_text = content.photo is None and content.text is not None
    return Modality.TEXT if is_text else Modality.PHOTO


def _save_vectors(connection: Connection, rows: Sequence[tuple[int, Content]], encoder_id: int) -> None:
    """Write the units of items and their embeddings: that of the picture first, then those of the text."""
    for kind in (Modality.PHOTO, Modality.TEXT):
        ids: list[int] = []
        texts: list[str | None] = []
        vectors = []
        for id_, content in rows:
            of_kind = _units(content, kind)
            ids += [id_] * len(of_kind)
            texts += of_kind
            if of_kind and content.vectors is not None:
                vectors.append(content.vectors[: len(of_kind)] if kind == _kind(content) else content.vectors[1:])
        if ids:
            writes.add_embeddings(connection, ids, encoder_id, np.concatenate(vectors), kind=kind, texts=texts)


def _units(content: Content, kind: Modality) -> Sequence[str | None]:
    """Return the texts of an item's units of a kind."""
    if kind == Modality.TEXT:
        return [content.text] if content.vector is not None and _kind(content) == kind else content.chunks
    if _kind(content) != kind:
        return []
    labels = searchable_text(content.photo.metadata) if content.photo is not None else None
    text = content.text if content.vector is not None else None
    return ["\n".join(filter(None, (labels, text))) or None]
