"""The status of a library: counts, sources, encoder and sizes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexer.catalog.statements import added_items, counts, sources
from indexer.catalog.statements.counts import Failure
from indexer.catalog.statements.sources import Source
from indexer.private_files import total_size
from indexer.store import Store
from indexer.types import Modality
from indexer.vectors.measurements import IndexChoice


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a library.

    Attributes:
        path: The library's folder; for one on a server, that of its index files on this machine.
        name: The folder, or the URL.
        photos: Number of photos, added ones too.
        texts: Number of texts: files, table rows without a picture, and added ones.
        failed: Number of files that could not be indexed.
        unread_sidecars: Number of sidecars that could not be read; their photos are indexed.
        collections: Number of added items by the name of their collection.
        sources: Folders, files and tables that were indexed; not the collections.
        encoder: Name of the encoder; None if nothing is indexed yet.
        fingerprint: The encoder's fingerprint.
        dim: Length of a vector.
        catalog_bytes: Size of the catalog on disk.
        index_bytes: Size of the index files on disk.
        choice: The index chosen by measurement; None if searches use the exact index.
    """

    path: Path
    name: str
    photos: int
    texts: int
    failed: int
    sources: list[Source]
    encoder: str | None
    fingerprint: str | None
    dim: int | None
    catalog_bytes: int
    index_bytes: int
    choice: IndexChoice | None = None
    unread_sidecars: int = 0
    collections: Mapping[str, int] = field(default_factory=dict)


def read_status(store: Store) -> Status:
    """Return the status of a library, without loading its encoder."""
    encoder = store.encoder
    with store.reading() as connection:
        items = counts.count_by_kind(connection)
        unread_sidecars = counts.count_unread_sidecars(connection)
        all_sources = sources.sources(connection)
        collections = added_items.count_by_collection(connection)
    return Status(
        path=store.path,
        name=store.name,
        photos=items[Modality.PHOTO][0],
        texts=items[Modality.TEXT][0],
        failed=sum(failed for _, failed in items.values()),
        sources=all_sources,
        encoder=encoder.name if encoder else None,
        fingerprint=encoder.fingerprint if encoder else None,
        dim=encoder.dim if encoder else None,
        catalog_bytes=store.database.size(),
        index_bytes=total_size(store.path.glob("index-*")),
        choice=store.read_index_choice() if encoder else None,
        unread_sidecars=unread_sidecars,
        collections=collections,
    )


def read_failures(store: Store) -> list[Failure]:
    """Return every file that could not be indexed and every sidecar that could not be read, sorted by path."""
    with store.reading() as connection:
        failures = [*counts.failures(connection), *counts.unread_sidecars(connection)]
    return sorted(failures, key=lambda failure: os.fsencode(failure.path))
