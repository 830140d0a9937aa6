"""Changes the metadata and the texts of added items."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from indexer.adding.values import check_metadata, check_text, check_types
from indexer.catalog.statements import added_items, item_metadata, writes
from indexer.catalog.statements.added_items import AddedRecord
from indexer.documents.chunking import split_text
from indexer.encoders.base import Encoder
from indexer.errors import AddError, EncoderMismatchError, ItemError
from indexer.store import Store
from indexer.sync.item_reader import MAX_CHUNKS
from indexer.types import Modality, Vectors


@dataclass(slots=True)
class _Change:
    """What changes of one item: None for what stays."""

    id: str
    metadata: dict[str, Any] | None = None
    text: str | None = None
    chunks: list[str] | None = None
    vectors: Vectors | None = None


def update_items(
    store: Store,
    ids: Sequence[str],
    *,
    metadata: Sequence[Mapping[str, Any] | None] | None,
    texts: Sequence[str | None] | None,
    collection: str | None,
    load: Callable[[], Encoder],
    wait: float | None = None,
) -> int:
    """Change added items in one transaction, and return how many; see `Library.update`.

    Raises:
        AddError: Nothing to change is given, the lengths differ, an id occurs twice, or a value cannot be stored;
            nothing was changed.
        EncoderMismatchError: The library's encoder was changed meanwhile; nothing was changed.
    """
    changes = _changes(ids, metadata, texts)
    with store.reading() as connection:
        known = added_items.find_by_id(connection, list(changes), collection)
    if not known:
        return 0
    fingerprint = _encode_texts(changes, known, load)
    with store.writing("updating items", wait=wait), store.transaction() as connection:
        known = added_items.find_by_id(connection, list(changes), collection)
        record = store.encoder
        if fingerprint is not None and record is not None and record.fingerprint != fingerprint:
            raise EncoderMismatchError("the library's encoder was changed while texts were encoded; update them again")
        for id_, records in known.items():
            for item in records:
                _save(connection, item, changes[id_], None if record is None else record.id)
    return sum(map(len, known.values()))


def _changes(
    ids: Sequence[str], metadata: Sequence[Mapping[str, Any] | None] | None, texts: Sequence[str | None] | None
) -> dict[str, _Change]:
    """Return the changes by id."""
    if metadata is None and texts is None:
        raise AddError("nothing to change was given; expected metadata or texts")
    changes: dict[str, _Change] = {}
    for name, values in (("metadata", metadata), ("texts", texts)):
        if isinstance(values, str | bytes | Mapping):
            raise AddError(f"{name} is one {type(values).__name__}; expected a list with one value for each id")
        if values is not None and len(values) != len(ids):
            raise AddError(f"{len(values):,} {name} were given for {len(ids):,} ids; expected one for each id")
    for number, id_ in enumerate(ids):
        if id_ in changes:
            raise AddError(f"the id {id_!r:.120} was given twice; expected different ids; nothing was changed")
        try:
            of_item = None if metadata is None or metadata[number] is None else check_metadata(metadata[number])
            text = None if texts is None else check_text("text", texts[number])
        except ItemError as error:
            raise AddError(f"the item {id_!r:.120} cannot be changed: {error}; nothing was changed") from error
        changes[id_] = _Change(id_, of_item, text)
    return changes


def _encode_texts(
    changes: Mapping[str, _Change], known: Mapping[str, list[AddedRecord]], load: Callable[[], Encoder]
) -> str | None:
    """Encode the new texts of items, and return the fingerprint of the encoder; None if there are none."""
    changed = [changes[id_] for id_ in known if changes[id_].text is not None]
    if not changed:
        return None
    encoder = load()
    for change in changed:
        chunks = split_text(change.text or "", encoder.fits)
        is_text = any(record.modality == Modality.TEXT for record in known[change.id])
        if len(chunks) > MAX_CHUNKS or (is_text and not chunks):
            expected = f"expected 1 to {MAX_CHUNKS:,}"
            raise AddError(
                f"the text of {change.id!r:.120} has {len(chunks):,} pieces; {expected}; nothing was changed"
            )
        change.chunks = chunks
    vectors = encoder.encode_texts([chunk for change in changed for chunk in change.chunks or ()])
    start = 0
    for change in changed:
        end = start + len(change.chunks or ())
        change.vectors = np.asarray(vectors[start:end], dtype=np.float32)  # (u, d)
        start = end
    return encoder.fingerprint


def _save(connection: Connection, item: AddedRecord, change: _Change, encoder_id: int | None) -> None:
    """Write the change of one item."""
    if change.metadata is not None:
        merged = (item.metadata or {}) | change.metadata
        try:
            merged = check_metadata(merged)
            _check_types(connection, change, item.item_id)
        except ItemError as error:
            raise AddError(f"the item {change.id!r:.120} cannot be changed: {error}; nothing was changed") from error
        added_items.update_columns(connection, item.item_id, {"metadata": merged or None})
        item_metadata.delete_values(connection, [item.item_id])
        item_metadata.save_values(connection, [(item.item_id, merged)])
        item_metadata.save_key_types(connection, item_metadata.types_of(merged))
    if change.text is not None and change.chunks is not None and encoder_id is not None:
        values: dict[str, Any] = {"text": change.text}
        if item.modality == Modality.TEXT:
            encoded = change.text.encode()
            values |= {"content_hash": hashlib.sha256(encoded).digest(), "size": len(encoded)}
        added_items.update_columns(connection, item.item_id, values)
        added_items.delete_text_units(connection, item.item_id)
        added_items.remove_unit_text(connection, item.item_id, item.text or "")
        if change.chunks and change.vectors is not None:
            ids = [item.item_id] * len(change.chunks)
            writes.add_embeddings(connection, ids, encoder_id, change.vectors, kind=Modality.TEXT, texts=change.chunks)


def _check_types(connection: Connection, change: _Change, item_id: int) -> None:
    given = item_metadata.types_of(change.metadata or {})
    check_types(given, item_metadata.binding_types(connection, [given], besides=[item_id]))
