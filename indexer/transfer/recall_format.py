"""Recall's own format: `items.parquet`, `units.parquet`, `manifest.json` and the files of `knowledge`: a whole library.

Items have all columns of the catalog, lists of their tags, people and places, and `relative`, the path below the root
of their source, for other programs. Units have their columns of the catalog and one column of float16 vectors per
encoder. Both files are sorted by item, and so is `pictures.parquet`, which is written if added items have pictures.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Column

from indexer.catalog.column_types import PathBytes
from indexer.catalog.schema import ITEMS, LABELS, UNITS
from indexer.catalog.statements import export_records, reencoding
from indexer.catalog.statements.export_records import Record
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.errors import TransferError
from indexer.store import Store
from indexer.transfer.added_items import (
    OF_ADDED_ITEMS,
    PICTURES_FILE,
    PictureReader,
    checked_collection,
    checked_item,
    is_added,
    write_pictures,
)
from indexer.transfer.atomic_folder import new_folder, write_errors
from indexer.transfer.formats import MANIFEST
from indexer.transfer.import_items import ExportContents, ExportedEncoder, ItemWithUnits
from indexer.transfer.knowledge import (
    TABLES,
    Checks,
    Knowledge,
    check_counts,
    read_settings,
    settings_record,
    write_knowledge,
)
from indexer.transfer.manifest import Manifest, read_manifest, write_manifest
from indexer.transfer.parquet import Layout, TableWriter, read_rows
from indexer.transfer.path_mapping import PathMapping, validate_path
from indexer.transfer.report import ExportReport
from indexer.types import Modality, Progress, ProgressCallback, collection_of, item_id

logger = logging.getLogger(__name__)

ITEMS_FILE, UNITS_FILE = "items.parquet", "units.parquet"

PATHS = {column.name for column in ITEMS.c if isinstance(column.type, PathBytes)} | {"root"}
"""Columns of items and sources that hold paths."""

RELATIVE: Column[Any] = Column("relative", PathBytes)
"""An item's path below the root of its source; the import ignores it and uses the absolute path."""


def items_layout() -> Layout:
    """Return the columns of `items.parquet`."""
    return Layout([*ITEMS.c, RELATIVE], lists=list(LABELS), vectors={}, large=["text", "metadata"])


def written_layout(sources: Iterable[Record]) -> Layout:
    """Return the columns of `items.parquet` for a library: without added items those that versions before them read."""
    if any(source["collection"] is not None for source in sources):
        return items_layout()
    columns = [column for column in ITEMS.c if column.name not in OF_ADDED_ITEMS]
    return Layout([*columns, RELATIVE], lists=list(LABELS), vectors={})


def units_layout(encoders: list[ExportedEncoder]) -> Layout:
    """Return the columns of `units.parquet`; the id of a unit is left out, since nothing refers to it."""
    dims = {encoder.column: encoder.record["dim"] for encoder in encoders}
    return Layout([column for column in UNITS.c if column.name != "id"], vectors=dims)


def write_export(store: Store, target: Path, *, progress: ProgressCallback) -> ExportReport:
    """Write a whole library, as it is at this moment, to a new folder, and return a report.

    Raises:
        TransferError: `target` exists already, or it cannot be written.
    """
    report = ExportReport(target)
    with new_folder(target) as folder, store.reading() as connection, write_errors(target):
        sources = export_records.export_sources(connection)
        encoders = {row["id"]: _exported_encoder(row) for row in export_records.export_encoders(connection)}
        total = export_records.count_rows(connection, ITEMS) + export_records.count_rows(connection, UNITS)
        count = _row_counter(progress, total)
        roots = {source["id"]: source["root"] for source in sources}
        with TableWriter(folder / ITEMS_FILE, written_layout(sources)) as items:
            for item in export_records.export_items(connection):
                items.add(item | {"relative": _relative(item["path"], roots[item["source_id"]])})
                count()
        with TableWriter(folder / UNITS_FILE, units_layout(list(encoders.values()))) as units:
            for unit in export_records.export_units(connection):
                vectors, skipped = _valid_vectors(unit["vectors"], encoders)
                units.add(unit | vectors)
                report.vectors += len(vectors)
                report.skipped += skipped
                count()
        approximate = reencoding.count_approximate(connection, store.encoder.id) if store.encoder else 0
        rows = {ITEMS_FILE: items.rows, UNITS_FILE: units.rows}
        rows |= write_knowledge(connection, folder, report) | write_pictures(
            store.picture_folder, connection, folder, report
        )
        write_manifest(
            folder,
            encoders=list(encoders.values()),
            sources=sources,
            rows=rows,
            settings=settings_record(connection),
        )
        report.items = items.rows
        report.bytes = sum(file.stat().st_size for file in folder.iterdir())
    if report.skipped:
        logger.warning("damaged embeddings left out: %d; run: recall check", report.skipped)
    if approximate:
        advice = "to export them too, run recall index first; otherwise run it after the import"
        logger.warning("approximate embeddings left out: %d; %s", approximate, advice)
    return report


def open_export(folder: Path, roots: Mapping[str, str], checks: Checks) -> ExportContents:
    """Return the contents of an export after validating its files.

    Args:
        folder: The export.
        roots: Folders on the machine of the export, and the same folders on this machine.
        checks: What the library can use of words, judgements and versions.

    Raises:
        TransferError: The export is incomplete or damaged, or its paths cannot be used here.
    """
    manifest = read_manifest(folder, [ITEMS_FILE, UNITS_FILE], optional=[*TABLES, PICTURES_FILE])
    check_counts(folder, manifest.rows)
    mapping = PathMapping.from_roots(roots, separator=manifest.separator)
    mapping.check_used(_folders(folder, manifest) if mapping.pairs else [])
    sources = [_source(source, mapping) for source in manifest.sources]
    knowledge = _knowledge(folder, manifest, mapping, checks)
    knowledge.check()
    items = partial(_items, folder, manifest, mapping)
    return ExportContents(manifest.encoders, sources, manifest.rows[ITEMS_FILE], items, knowledge)


def _folders(folder: Path, manifest: Manifest) -> list[str]:
    """Return the paths of an export that a user may translate: of its sources, and of the pictures of added items."""
    roots = [source["root"] for source in manifest.sources if source["collection"] is None]
    if len(roots) == len(manifest.sources):
        return roots
    paths = (item["picture"] for item in read_rows(folder / ITEMS_FILE, items_layout()) if is_added(item))
    return list(dict.fromkeys([*roots, *(path.rpartition(manifest.separator)[0] for path in paths if path)]))


def _knowledge(folder: Path, manifest: Manifest, mapping: PathMapping, checks: Checks) -> Knowledge:
    """Return what the user taught the exported library, not checked yet.

    Raises:
        TransferError: The manifest is damaged.
    """
    try:
        encoders = {encoder.column: int(encoder.column.rpartition("_")[2]) for encoder in manifest.encoders}
        active, index = read_settings(manifest.settings)
    except (TypeError, ValueError) as error:
        raise TransferError(
            f"{folder / MANIFEST} is not a manifest of Recall ({error!r}); export the library again"
        ) from error
    files = tuple(name for name in TABLES if name in manifest.rows)
    dims = {encoders[encoder.column]: encoder.record["dim"] for encoder in manifest.encoders}
    return Knowledge(folder, files, mapping, checks, encoders, dims, active, index)


def _items(folder: Path, manifest: Manifest, mapping: PathMapping) -> Iterator[ItemWithUnits]:
    """Yield items with their units, from two files with the same order that are read in step."""
    layout = units_layout(list(manifest.encoders))
    groups = itertools.groupby(read_rows(folder / UNITS_FILE, layout), key=lambda unit: unit["item_id"])
    group = next(groups, None)
    pictures = PictureReader(folder / PICTURES_FILE if PICTURES_FILE in manifest.rows else None)
    last = None
    for item in read_rows(folder / ITEMS_FILE, items_layout()):
        id_ = item.pop("id")
        if last is not None and id_ <= last:
            raise TransferError(f"{folder / ITEMS_FILE} is not sorted by id; export it again")
        last = id_
        units = []
        if group is not None and group[0] == id_:
            units = [_unit(folder, unit, layout) for unit in group[1]]
            if any(first["position"] >= second["position"] for first, second in itertools.pairwise(units)):
                raise TransferError(f"{folder / UNITS_FILE} is not sorted by position; export it again")
            group = next(groups, None)
        yield _item(item, mapping) | pictures.of_item(id_, item), units
    pictures.check_end()
    if group is not None:
        raise TransferError(f"{folder / UNITS_FILE} has a unit of item {group[0]}, which is missing; export it again")


def _item(item: Record, mapping: PathMapping) -> Record:
    """Return an item as this library stores it."""
    for unused in ("source_id", "relative"):
        item.pop(unused, None)
    if item["modality"] not in list(Modality):
        raise TransferError(f"item {item['path']!r} is a {item['modality']!r}; expected {' or '.join(Modality)}")
    if is_added(item):
        return checked_item(item, mapping)
    if any(item[name] is not None for name in OF_ADDED_ITEMS):
        raise TransferError(f"item {item['path']!r} has values that only an added item has; export it again")
    return _translated(item, mapping)


def _source(source: Record, mapping: PathMapping) -> Record:
    """Return a source as this library stores it."""
    return _translated(source, mapping) if source["collection"] is None else checked_collection(source)


def _translated(record: Record, mapping: PathMapping) -> Record:
    """Return an item or a source with its paths translated to this machine."""
    paths = {
        name: validate_path(mapping.translate(value), name, may_be_row=name == "path")
        for name, value in record.items()
        if value is not None and name in PATHS
    }
    return record | paths


def _unit(folder: Path, unit: Record, layout: Layout) -> Record:
    if unit["kind"] not in list(Modality):
        raise TransferError(f"{folder / UNITS_FILE} has a {unit['kind']!r}; expected {' or '.join(Modality)}")
    vectors = {name: unit.pop(name) for name in layout.vectors}
    return unit | {"vectors": {name: vector for name, vector in vectors.items() if vector is not None}}


def _exported_encoder(record: Record) -> ExportedEncoder:
    columns = {name: value for name, value in record.items() if name not in ("id", "active")}
    return ExportedEncoder(f"embedding_{record['id']}", record["active"], columns)


def _valid_vectors(
    vectors: Mapping[int, bytes], encoders: Mapping[int, ExportedEncoder]
) -> tuple[dict[str, bytes], int]:
    """Return the valid vectors by column, and the number of invalid ones."""
    valid = {
        encoders[id_].column: vector for id_, vector in vectors.items() if _is_unit(vector, encoders[id_].record["dim"])
    }
    return valid, len(vectors) - len(valid)


def _is_unit(vector: bytes, dim: int) -> bool:
    if len(vector) != dim * VECTOR_DTYPE.itemsize:
        return False
    return bool(abs(np.linalg.norm(np.frombuffer(vector, dtype=VECTOR_DTYPE).astype(np.float32)) - 1) < 1e-2)


def _relative(path: str, root: str) -> str:
    if collection_of(path) is not None:
        return item_id(path)
    name, nul, row = path.partition("\0")
    return os.path.relpath(name, root) + nul + row


def _row_counter(progress: ProgressCallback, total: int) -> Callable[[], None]:
    """Return a function that reports one more row each time it is called."""
    done = itertools.count(1)
    return lambda: progress(Progress("exporting", next(done), total))
