"""Import of items, units and embeddings into a library, in batches, so that a stopped import can continue."""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.statements import encoders, export_records, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.export_records import Record
from indexer.errors import EncoderMismatchError, TransferError
from indexer.store import Store
from indexer.store.stored_pictures import delete_files
from indexer.transfer.added_items import is_added
from indexer.transfer.import_added import AddedItems
from indexer.transfer.knowledge import Knowledge, import_knowledge
from indexer.transfer.path_mapping import most_specific
from indexer.transfer.report import ImportReport
from indexer.types import Preprocess, Progress, ProgressCallback

logger = logging.getLogger(__name__)

BATCH = 1000
"""Items that are committed together."""

_BATCH_BYTES = 64 << 20
"""Bytes of stored pictures that complete a batch."""

ItemWithUnits = tuple[Record, list[Record]]
"""An item with its lists of labels and without `source_id`, and its units with `vectors` by the encoder's column.

An added item may have "stored_picture", a `StoredPicture` with its data."""


@dataclass(frozen=True, slots=True)
class ExportedEncoder:
    """An encoder whose embeddings an export contains.

    Attributes:
        column: Its key in the `vectors` of units.
        active: Whether the exported library searched with it.
        record: Columns of the encoder, with `preprocess` as in JSON.
    """

    column: str
    active: bool
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExportContents:
    """The contents of an export, validated as far as possible without reading all of them.

    Attributes:
        encoders: Encoders of the embeddings.
        sources: Records of sources; each item is in one of them.
        total: Number of items.
        items: Returns all items; each call reads them again.
        knowledge: What the user taught the exported library; None if the format has none.
    """

    encoders: Sequence[ExportedEncoder]
    sources: Sequence[Record]
    total: int
    items: Callable[[], Iterator[ItemWithUnits]]
    knowledge: Knowledge | None = None


def import_contents(
    store: Store, contents: ExportContents, report: ImportReport, *, replace: bool, progress: ProgressCallback | None
) -> None:
    """Write the contents of an export to a library, bring its index up to date, and count the items in the report.

    Args:
        store: The library; its write lock must be held.
        contents: The contents.
        report: Its counts are increased.
        replace: Whether to replace an item that the library already has at the same path.
        progress: Called with the number of committed items.

    Raises:
        EncoderMismatchError: The library has embeddings of another encoder; nothing was changed.
        TransferError: The contents are inconsistent; nothing was changed.
        StorageError: The disk is full or read-only; committed work is kept.
    """
    start = time.perf_counter()
    write_contents(store, contents, report, replace=replace, progress=progress)
    if store.encoder is not None:
        store.index(save=True, progress=progress)
    report.total_seconds = time.perf_counter() - start


def write_contents(
    store: Store, contents: ExportContents, report: ImportReport, *, replace: bool, progress: ProgressCallback | None
) -> None:
    """Write the contents of an export as `import_contents` does, without the index."""
    check_encoders(store.encoder, contents.encoders)
    report.sources = [source["root"] for source in contents.sources if source.get("collection") is None]
    added = AddedItems(store, replace=replace)
    _check_items(store, contents, report, added, progress)
    columns: dict[str, int] = {}
    roots: dict[str, int] = {}
    done = 0
    for batch in itertools.chain(_batches(contents.items()), [[]]):  # the empty one if there are no items at all
        with store.transaction() as connection:
            if not done:  # together with the first items: an import that is refused leaves no source
                columns = {encoder.column: _import_encoder(connection, encoder) for encoder in contents.encoders}
                for source in sorted(contents.sources, key=lambda source: len(source["root"])):  # outer folders first
                    export_records.import_source(connection, source)
                roots = export_records.source_ids(connection)
            unused = _import_batch(connection, batch, roots=roots, columns=columns, report=report, added=added)
        delete_files(store.picture_folder, unused)
        done += len(batch)
        if progress:
            progress(Progress("importing", done, contents.total))
    with store.transaction() as connection:
        for source in contents.sources:
            export_records.import_sync_time(connection, source)
        if contents.knowledge is not None:
            ids = {number: columns[name] for name, number in contents.knowledge.encoders.items()}
            import_knowledge(connection, contents.knowledge, report, ids)


def _check_items(
    store: Store,
    contents: ExportContents,
    report: ImportReport,
    added: AddedItems,
    progress: ProgressCallback | None,
) -> None:
    """Read all items before the first is written, so that an export that is refused leaves nothing.

    Raises:
        TransferError: The contents are inconsistent.
    """
    with store.reading() as connection:
        roots = export_records.source_ids(connection)
        roots |= dict.fromkeys((source["root"] for source in contents.sources), 0)
        done = 0
        for batch in _batches(contents.items()):
            added.check(connection, [_with_source(item, roots) for item, _ in batch])
            done += len(batch)
            if progress:
                progress(Progress("checking the export", done, contents.total))
        added.check_types(connection, (item for item, _ in contents.items()))
    report.normalized = 0  # counted again when they are written


def check_encoders(active: EncoderRecord | None, exported: Sequence[ExportedEncoder]) -> None:
    """Raise if vectors of the export cannot be searched together with those of the library.

    Raises:
        EncoderMismatchError: The library has embeddings of another encoder.
    """
    for encoder in exported:
        if active is not None and encoder.active and encoder.record["fingerprint"] != active.fingerprint:
            raise EncoderMismatchError(
                f"this library was indexed with encoder {active.name!r} (fingerprint {active.fingerprint[:8]}) but the "
                f"vectors to import are of {encoder.record['name']!r} ({encoder.record['fingerprint'][:8]}); import "
                "them into another library: recall import FOLDER --library OTHER.recall"
            )


def _import_encoder(connection: Connection, encoder: ExportedEncoder) -> int:
    """Return the id of an encoder; the active one becomes the library's own if the library has none."""
    id_, dim = export_records.import_encoder(connection, encoder.record)
    if dim != encoder.record["dim"]:
        raise TransferError(
            f"encoder {encoder.record['name']!r} has {dim} dimensions here, but the vectors to import have "
            f"{encoder.record['dim']}; export them again"
        )
    if encoder.active and encoders.active_encoder(connection) is None:
        stored = encoder.record["preprocess"]
        preprocess = Preprocess(**stored | {name: tuple(stored[name]) for name in ("mean", "std")})
        identity = {name: encoder.record[name] for name in ("name", "fingerprint", "dim")}
        encoders.set_active_encoder(connection, **identity, preprocess=preprocess)
    return id_


def _batches(items: Iterable[ItemWithUnits]) -> Iterator[list[ItemWithUnits]]:
    """Yield the items that are committed together."""
    batch: list[ItemWithUnits] = []
    size = 0
    for item, units in items:
        batch.append((item, units))
        picture = item.get("stored_picture")
        size += 0 if picture is None else len(picture.data)
        if len(batch) == BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _import_batch(
    connection: Connection,
    batch: Sequence[ItemWithUnits],
    *,
    roots: Mapping[str, int],
    columns: Mapping[str, int],
    report: ImportReport,
    added: AddedItems,
) -> set[bytes]:
    """Write items, and return the hashes of stored pictures that no item has any more."""
    longest = added.store.database.longest_path
    by_path: dict[str, ItemWithUnits] = {}
    if longest is not None:
        batch = [pair for pair in batch if _can_be_stored(pair[0], longest, report)]
    for item, units in batch:
        by_path.setdefault(item["path"], (item, units))  # the first of two with the same path counts
    existing = export_records.existing_paths(connection, list(by_path))
    written = [pair for path, pair in by_path.items() if added.replace or path not in existing]
    pictures = [item.pop("stored_picture", None) for item, _ in written]
    ids = writes.save_items(connection, [_with_source(item, roots) for item, _ in written])
    rows = [
        unit | {"item_id": id_, "vectors": {columns[name]: vector for name, vector in unit["vectors"].items()}}
        for id_, (_, units) in zip(ids, written, strict=True)
        for unit in units
    ]
    export_records.import_units(connection, rows)
    records = zip(ids, (item for item, _ in written), pictures, strict=True)
    unused = added.save(connection, [row for row in records if is_added(row[1])], existing)
    is_replaced = [item["path"] in existing for item, _ in written if item["failure"] is None]
    report.replaced += sum(is_replaced)
    report.added += len(is_replaced) - sum(is_replaced)
    report.failed += len(written) - len(is_replaced)
    report.existing += len(batch) - len(written)
    return unused


def _can_be_stored(item: Record, longest: int, report: ImportReport) -> bool:
    """Return whether the library can have an item's paths; one that is left out is counted as failed."""
    size = max(len(os.fsencode(path)) for path in (item["path"], item.get("picture")) if path)
    if size <= longest:
        return True
    logger.warning(
        "%.100s… is left out: its path has %d bytes, and this library can store %d", item["path"], size, longest
    )
    report.failed += 1
    return False


def _with_source(item: Record, roots: Mapping[str, int]) -> Record:
    """Return an item with the id of its source, without change times: those of another machine say nothing here."""
    source_id = most_specific(item["path"], roots)
    if source_id is None:
        raise TransferError(f"item {item['path']!r} is in none of the export's sources; export it again")
    return item | {"source_id": source_id, "ctime_ns": None, "sidecar_ctime_ns": None}
