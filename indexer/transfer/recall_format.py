"""Recall's own layout: `items.parquet`, `units.parquet` and `manifest.json`, which hold all of a library.

Items have all columns of the catalog with their tags, and `relative`, the path below their source's root, for other
programs. Units have theirs, and a column of float16 vectors for each encoder; both are ordered by item.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Column

from indexer.catalog.schema import ITEMS, UNITS, PathBytes
from indexer.catalog.statements import export_records, reencoding
from indexer.catalog.statements.export_records import Record
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.errors import TransferError
from indexer.store import Store
from indexer.transfer.atomic_folder import new_folder, write_errors
from indexer.transfer.import_items import Incoming, IncomingEncoder, Item
from indexer.transfer.manifest import Manifest, read_manifest, write_manifest
from indexer.transfer.parquet import Layout, TableWriter, count_rows, read_rows
from indexer.transfer.path_mapping import Roots, checked
from indexer.transfer.report import ExportReport
from indexer.types import Modality, Progress, ProgressCallback

logger = logging.getLogger(__name__)

ITEMS_FILE, UNITS_FILE = "items.parquet", "units.parquet"

RELATIVE: Column[Any] = Column("relative", PathBytes)
"""An item's path below its source's root; an import goes by the whole path."""


def items_layout() -> Layout:
    """Return the columns of `items.parquet`."""
    return Layout([*ITEMS.c, RELATIVE], lists=["tags"], vectors={})


def units_layout(encoders: list[IncomingEncoder]) -> Layout:
    """Return the columns of `units.parquet`; a unit's own id is nothing that anything refers to."""
    dims = {each.column: each.record["dim"] for each in encoders}
    return Layout([column for column in UNITS.c if column.name != "id"], vectors=dims)


def export(store: Store, target: Path, *, progress: ProgressCallback) -> ExportReport:
    """Write all of a library into a new folder, as it is at this moment, and return what was written.

    Raises:
        TransferError: There is something at `target` already, or it cannot be written.
    """
    report = ExportReport(target)
    with new_folder(target) as folder, store.reading() as connection, write_errors(target):
        sources = export_records.export_sources(connection)
        encoders = {row["id"]: _outgoing(row) for row in export_records.export_encoders(connection)}
        total = export_records.count_rows(connection, ITEMS) + export_records.count_rows(connection, UNITS)
        told = _counting(progress, total)
        roots = {source["id"]: source["root"] for source in sources}
        with TableWriter(folder / ITEMS_FILE, items_layout()) as items:
            for item in export_records.export_items(connection):
                items.put(item | {"relative": _relative(item["path"], roots[item["source_id"]])})
                told()
        with TableWriter(folder / UNITS_FILE, units_layout(list(encoders.values()))) as units:
            for unit in export_records.export_units(connection):
                vectors, left_out = _usable(unit["vectors"], encoders)
                units.put(unit | vectors)
                report.vectors += len(vectors)
                report.skipped += left_out
                told()
        mapped = reencoding.count_approximate(connection, store.encoder.id) if store.encoder else 0
        rows = {ITEMS_FILE: items.rows, UNITS_FILE: units.rows}
        write_manifest(folder, encoders=list(encoders.values()), sources=sources, rows=rows)
        report.items = items.rows
        report.bytes = sum(file.stat().st_size for file in folder.iterdir())
    if report.skipped:
        logger.warning("%d embeddings are damaged and were left out; run: recall check", report.skipped)
    if mapped:
        advice = "to export them run recall index first, or after the import"
        logger.warning("%d embeddings are mapped from a former encoder's and were left out; %s", mapped, advice)
    return report


def incoming(folder: Path, roots: Mapping[str, str]) -> Incoming:
    """Return what an export holds, after checking its files.

    Args:
        folder: The export.
        roots: Folders of the machine that it comes from, and where they lie here.

    Raises:
        TransferError: It is not whole, or cannot be imported.
    """
    manifest = read_manifest(folder, [ITEMS_FILE, UNITS_FILE])
    for name, rows in manifest.rows.items():
        if count_rows(folder / name) != rows:
            raise TransferError(f"{folder / name} does not have the {rows:,} rows that its manifest says; export again")
    places = Roots.of(roots, separator=manifest.separator)
    places.check_used([source["root"] for source in manifest.sources])
    sources = [_mapped(source, places) for source in manifest.sources]
    return Incoming(manifest.encoders, sources, manifest.rows[ITEMS_FILE], _items(folder, manifest, places))


def _items(folder: Path, manifest: Manifest, places: Roots) -> Iterator[Item]:
    """Yield items with their units: two files in the same order, read side by side."""
    layout = units_layout(list(manifest.encoders))
    grouped = itertools.groupby(read_rows(folder / UNITS_FILE, layout), key=lambda unit: unit["item_id"])
    waiting = next(grouped, None)
    last = None
    for item in read_rows(folder / ITEMS_FILE, items_layout()):
        id_ = item.pop("id")
        if last is not None and id_ <= last:
            raise TransferError(f"{folder / ITEMS_FILE} is not ordered by id; export it again")
        last = id_
        units = []
        if waiting is not None and waiting[0] == id_:
            units = [_unit(folder, unit, layout) for unit in waiting[1]]
            if any(one["position"] >= other["position"] for one, other in itertools.pairwise(units)):
                raise TransferError(f"{folder / UNITS_FILE} is not ordered by position; export it again")
            waiting = next(grouped, None)
        yield _item(item, places), units
    if waiting is not None:
        raise TransferError(f"{folder / UNITS_FILE} has a unit of item {waiting[0]}, which is not there; export again")


def _item(item: Record, places: Roots) -> Record:
    """Return an item as it is kept here."""
    for unused in ("source_id", "relative"):
        item.pop(unused, None)
    if item["modality"] not in list(Modality):
        raise TransferError(f"item {item['path']!r} is a {item['modality']!r}; expected {' or '.join(Modality)}")
    return _mapped(item, places)


def _mapped(record: Record, places: Roots) -> Record:
    """Return an item or a source with its paths as they are here."""
    paths = {
        name: checked(places.apply(value), name, may_be_row=name == "path")
        for name, value in record.items()
        if value is not None and name in PATHS
    }
    return record | paths


PATHS = {column.name for column in ITEMS.c if isinstance(column.type, PathBytes)} | {"root"}
"""Columns of items and sources that hold paths."""


def _unit(folder: Path, unit: Record, layout: Layout) -> Record:
    if unit["kind"] not in list(Modality):
        raise TransferError(f"{folder / UNITS_FILE} has a {unit['kind']!r}; expected {' or '.join(Modality)}")
    vectors = {name: unit.pop(name) for name in layout.vectors}
    return unit | {"vectors": {name: vector for name, vector in vectors.items() if vector is not None}}


def _outgoing(record: Record) -> IncomingEncoder:
    facts = {name: value for name, value in record.items() if name not in ("id", "active")}
    return IncomingEncoder(f"embedding_{record['id']}", record["active"], facts)


def _usable(vectors: Mapping[int, bytes], encoders: Mapping[int, IncomingEncoder]) -> tuple[dict[str, bytes], int]:
    """Return the vectors that are some, by column, and how many are none."""
    good = {
        encoders[id_].column: vector for id_, vector in vectors.items() if _is_unit(vector, encoders[id_].record["dim"])
    }
    return good, len(vectors) - len(good)


def _is_unit(vector: bytes, dim: int) -> bool:
    if len(vector) != dim * VECTOR_DTYPE.itemsize:
        return False
    return bool(abs(np.linalg.norm(np.frombuffer(vector, dtype=VECTOR_DTYPE).astype(np.float32)) - 1) < 1e-2)


def _relative(path: str, root: str) -> str:
    name, nul, row = path.partition("\0")
    return os.path.relpath(name, root) + nul + row


def _counting(progress: ProgressCallback, total: int) -> Callable[[], None]:
    """Return what tells the progress of one more row each time that it is called."""
    done = itertools.count(1)
    return lambda: progress(Progress("exporting", next(done), total))
