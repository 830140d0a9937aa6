"""What a library holds, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from indexer.catalog.statements import counts, sources
from indexer.catalog.statements.sources import Source
from indexer.store import Store
from indexer.types import Modality
from indexer.vectors.measurements import IndexChoice


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds.

    Attributes:
        path: The library's folder.
        photos: Photos that can be found.
        texts: Texts that can be found: files, and rows of tables without a picture.
        failed: Files that could not be indexed.
        sources: Folders and files that were indexed.
        encoder: Name of the encoder; None while nothing was indexed.
        fingerprint: The encoder's fingerprint.
        dim: Length of a vector.
        catalog_bytes: Size of the catalog on the disk.
        index_bytes: Size of the index files on the disk.
        choice: The index that was chosen by measurement, None where none was and all vectors are looked at.
    """

    path: Path
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


def read_status(store: Store) -> Status:
    """Return what a library holds; its encoder is not loaded."""
    known = store.encoder
    with store.reading() as connection:
        held = counts.count_by_kind(connection)
        indexed = sources.sources(connection)
    return Status(
        path=store.path,
        photos=held[Modality.PHOTO][0],
        texts=held[Modality.TEXT][0],
        failed=sum(failed for _, failed in held.values()),
        sources=indexed,
        encoder=known.name if known else None,
        fingerprint=known.fingerprint if known else None,
        dim=known.dim if known else None,
        catalog_bytes=_bytes(store.path.glob("catalog.db*")),
        index_bytes=_bytes(store.path.glob("index-*")),
        choice=store.read_index_choice() if known else None,
    )


def _bytes(files: Iterable[Path]) -> int:
    total = 0
    for file in files:
        with suppress(FileNotFoundError):  # a log that was folded in meanwhile
            total += file.stat().st_size
    return total
