"""Parts whose items the library has already: an import passes over them after it has read their paths alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from indexer.catalog.statements import export_records
from indexer.store import Store
from indexer.transfer.import_items import check_encoders
from indexer.transfer.manifest import read_manifest
from indexer.transfer.parquet import read_rows
from indexer.transfer.path_mapping import PathMapping
from indexer.transfer.recall_format import ITEMS_FILE, UNITS_FILE, items_layout

PATHS_FILE = ITEMS_FILE
"""The only file, besides the manifest, that `present_part` reads."""


@dataclass(frozen=True, slots=True)
class PresentPart:
    """A part that is wholly in the library.

    Attributes:
        total: Number of its items.
        roots: Folders on this machine that they belong to.
    """

    total: int
    roots: list[str]


def present_part(store: Store, folder: Path, roots: Mapping[str, str]) -> PresentPart | None:
    """Return a part of which the library has all items and sources; None if something may be missing.

    Args:
        store: The library.
        folder: The part's manifest and `PATHS_FILE`.
        roots: Folders on the machine of the part, and the same folders on this machine.

    Raises:
        EncoderMismatchError: The part has embeddings of another encoder than the library.
        TransferError: The part is damaged.
    """
    manifest = read_manifest(folder, [ITEMS_FILE])
    check_encoders(store.encoder, manifest.encoders)
    if manifest.files != {ITEMS_FILE, UNITS_FILE}:  # an export with learnt words or pictures
        return None
    mapping = PathMapping.from_roots(roots, separator=manifest.separator)
    mapping.check_used([source["root"] for source in manifest.sources])
    places = [mapping.translate(source["root"]) for source in manifest.sources]
    rows = read_rows(folder / ITEMS_FILE, items_layout(), only=["path"])
    paths = (mapping.translate(row["path"]) for row in rows)
    with store.reading() as connection:
        if not set(places) <= export_records.source_ids(connection).keys():
            return None
        size = 1  # nearly always, the first item tells
        while batch := list(islice(paths, size)):
            if export_records.existing_paths(connection, batch) != set(batch):
                return None
            size = 1000
    return PresentPart(manifest.rows[ITEMS_FILE], places)
