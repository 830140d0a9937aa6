"""What comes from elsewhere, written into a library: in batches, so that it can be stopped and run again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from indexer.catalog.statements import encoders, export_records, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.export_records import Record
from indexer.errors import EncoderMismatchError, TransferError
from indexer.store import Store
from indexer.transfer.path_mapping import most_specific
from indexer.types import Preprocess, Progress, ProgressCallback

BATCH = 1000
"""Items that are committed together."""

Item = tuple[Record, list[Record]]
"""An item with `tags` and without `source_id`, and its units with `vectors` by the encoder's column."""


@dataclass(frozen=True, slots=True)
class IncomingEncoder:
    """An encoder whose embeddings come.

    Attributes:
        column: What the `vectors` of units call it.
        active: It is the one to search with.
        record: Columns of the encoder, with `preprocess` as JSON holds it.
    """

    column: str
    active: bool
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incoming:
    """What is to be imported, checked as far as it can be without reading all of it.

    Attributes:
        encoders: Whose embeddings come.
        sources: Records of sources; each item lies in one of them.
        total: How many items.
        items: All of them; read once.
    """

    encoders: Sequence[IncomingEncoder]
    sources: Sequence[Record]
    total: int
    items: Iterable[Item]


@dataclass(slots=True)
class ImportReport:
    """What an import did; the first four add up to the items that came.

    Attributes:
        added: Items that the library did not have.
        replaced: Items that it had at the same path, and that were asked to be replaced.
        existing: Items that it had at the same path, left as they are.
        failed: Items that came as failed, added or replaced: `recall status --failed` has their reasons.
        normalized: Vectors that were brought to unit length.
        sources: Folders here that the items belong to.
        total_seconds: Seconds from beginning to end.
    """

    added: int = 0
    replaced: int = 0
    existing: int = 0
    failed: int = 0
    normalized: int = 0
    sources: list[str] = field(default_factory=list)
    total_seconds: float = 0.0


def write(
    store: Store, incoming: Incoming, report: ImportReport, *, replace: bool, progress: ProgressCallback | None
) -> None:
    """Bring items into a library and its index in step, and count them in a report.

    Args:
        store: The library; its write lock must be held.
        incoming: What comes.
        report: Gets the counts.
        replace: Whether an item that the library has at the same path is replaced.
        progress: Told how many items were committed.

    Raises:
        EncoderMismatchError: The library holds embeddings of another encoder; nothing was changed.
        TransferError: What comes is not what it says; whole batches before that are kept.
        StorageError: The disk is full or read-only; what was committed is kept.
    """
    start = time.perf_counter()
    check_meeting(store.encoder, incoming.encoders)
    report.sources = [source["root"] for source in incoming.sources]
    with store.transaction() as connection:
        columns = {each.column: _keep(connection, each) for each in incoming.encoders}
        for source in sorted(incoming.sources, key=lambda source: len(source["root"])):  # outer ones first
            export_records.import_source(connection, source)
        roots = export_records.source_ids(connection)
    done = 0
    for batch in _batches(incoming.items):
        with store.transaction() as connection:
            _write_batch(connection, batch, roots, columns, report, replace=replace)
        done += len(batch)
        if progress:
            progress(Progress("importing", done, incoming.total))
    with store.transaction() as connection:
        for source in incoming.sources:
            export_records.import_sync_time(connection, source)
    if store.encoder is not None:
        store.index(save=True, progress=progress)
    report.total_seconds = time.perf_counter() - start


def check_meeting(known: EncoderRecord | None, coming: Sequence[IncomingEncoder]) -> None:
    """Refuse vectors that must not meet those of the library.

    Raises:
        EncoderMismatchError: The library holds embeddings of another encoder.
    """
    for each in coming:
        if known is not None and each.active and each.record["fingerprint"] != known.fingerprint:
            raise EncoderMismatchError(
                f"this library was indexed with encoder {known.name!r} (fingerprint {known.fingerprint[:8]}) but the "
                f"vectors to import are of {each.record['name']!r} ({each.record['fingerprint'][:8]}); import them "
                "into another library: recall import FOLDER --library OTHER.recall"
            )


def _keep(connection: Connection, each: IncomingEncoder) -> int:
    """Return the id of an encoder; the active one becomes the library's own where that has none."""
    id_, dim = export_records.import_encoder(connection, each.record)
    if dim != each.record["dim"]:
        raise TransferError(
            f"encoder {each.record['name']!r} has {dim} dimensions here, but vectors of {each.record['dim']} came; "
            "export it again"
        )
    if each.active and encoders.active_encoder(connection) is None:
        stored = each.record["preprocess"] | {name: tuple(each.record["preprocess"][name]) for name in ("mean", "std")}
        named = {name: each.record[name] for name in ("name", "fingerprint", "dim")}
        encoders.set_active_encoder(connection, **named, preprocess=Preprocess(**stored))
    return id_


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _write_batch(
    connection: Connection,
    batch: Sequence[Item],
    roots: Mapping[str, int],
    columns: Mapping[str, int],
    report: ImportReport,
    *,
    replace: bool,
) -> None:
    first: dict[str, Item] = {}
    for item, units in batch:
        first.setdefault(item["path"], (item, units))  # of two at one path the first counts
    had = export_records.existing_paths(connection, list(first))
    taken = [pair for path, pair in first.items() if replace or path not in had]
    ids = writes.save_items(connection, [_placed(item, roots) for item, _ in taken])
    units = [
        unit | {"item_id": id_, "vectors": {columns[name]: vector for name, vector in unit["vectors"].items()}}
        for id_, (_, own) in zip(ids, taken, strict=True)
        for unit in own
    ]
    export_records.import_units(connection, units)
    good = [item["path"] in had for item, _ in taken if item["failure"] is None]
    report.replaced += sum(good)
    report.added += len(good) - sum(good)
    report.failed += len(taken) - len(good)
    report.existing += len(batch) - len(taken)


def _placed(item: Record, roots: Mapping[str, int]) -> Record:
    """Return an item with the source that it lies in, of all that the library has."""
    source_id = most_specific(item["path"], roots)
    if source_id is None:
        raise TransferError(f"item {item['path']!r} lies in no source of its export; export it again")
    return item | {"source_id": source_id}
