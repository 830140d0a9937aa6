"""Compare catalog, index and disk, and repair derived data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, text

from indexer.catalog.statements import items, sync_state, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.store import Store
from indexer.types import Progress, ProgressCallback, file_of, is_unchanged, isin_sorted, row_of
from indexer.vectors import read_index
from indexer.vectors.autotune.choice_file import read_choice
from indexer.vectors.base import to_half
from indexer.vectors.index_file import StaleIndexError


class ProblemKind(StrEnum):
    """Which of catalog, index and disk disagree, and how."""

    CATALOG = "catalog"  # the database file itself is damaged
    EMBEDDING = "embedding"  # an item has none, or one that is not of unit length
    INDEX = "index"  # the index file differs from the catalog
    MISSING = "missing"  # an item's file does not exist
    CHANGED = "changed"  # an item's file has changed since it was indexed


class Problem(NamedTuple):
    """A disagreement: its kind, the file or component it concerns, and what to do about it."""

    kind: ProblemKind
    subject: str
    advice: str


def check(store: Store, *, progress: ProgressCallback | None = None) -> Iterator[Problem]:
    """Yield every disagreement between catalog, index and disk; changes nothing."""
    encoder = store.encoder
    with store.reading() as connection:
        for (result,) in connection.execute(text("PRAGMA integrity_check")).all():
            if result != "ok":
                yield Problem(
                    ProblemKind.CATALOG, result, "restore catalog.db from a backup, or index into a new library"
                )
        if encoder is not None:
            for item_id, path in _items_without_embedding(connection, encoder):
                yield Problem(
                    ProblemKind.EMBEDDING,
                    f"{file_of(path)} (item {item_id})",
                    "recall check --repair, then recall index",
                )
            problem = _index_problem(store, encoder, connection)
            if problem:
                yield Problem(ProblemKind.INDEX, problem, "recall check --repair")
        yield from _file_problems(connection, progress)


def repair(store: Store, *, progress: ProgressCallback | None = None) -> int:
    """Rebuild the index, delete items without a usable embedding, and return how many were deleted.

    The next sync finds the deleted items again and encodes them.
    """
    encoder = store.encoder
    if encoder is None:
        return 0
    with store.transaction() as connection:
        unusable = [item_id for item_id, _ in _items_without_embedding(connection, encoder)]
        writes.delete_items(connection, unusable)
    store.rebuild_index(progress)
    return len(unusable)


def _items_without_embedding(connection: Connection, encoder: EncoderRecord) -> list[tuple[int, str]]:
    """Return id and path of items that lack a usable embedding under an encoder."""
    usable = [np.empty(0, dtype=np.int64)]
    for ids, vectors, _ in items.embeddings_after(connection, encoder.id, encoder.dim, 0):
        norms = np.linalg.norm(vectors, axis=1)
        usable.append(ids[np.abs(norms - 1) < 1e-2])  # false for NaN and infinity
    return items.items_missing_embeddings(connection, encoder.id, np.concatenate(usable))


def _index_problem(store: Store, encoder: EncoderRecord, connection: Connection) -> str | None:
    """Return what is wrong with the index file, or None; being behind the catalog is not a problem."""
    try:
        index, watermark = read_index(
            store.index_file(store.index_fingerprint), fingerprint=store.index_fingerprint, verify=True
        )
    except StaleIndexError as error:
        return str(error)
    for ids, vectors, _ in items.embeddings_after(connection, encoder.id, encoder.dim, 0):
        is_indexed = isin_sorted(ids, index.ids)
        missing = ids[~is_indexed & (ids <= watermark)]
        if len(missing):
            return f"the index lacks embeddings of the catalog ({len(missing)})"
        adapted = store.apply_adapter(connection, ids, vectors)
        if not np.array_equal(index.half_vectors(ids[is_indexed]), to_half(adapted[is_indexed])):
            return "the vectors in the index differ from those in the catalog"
    choice_file = store.choice_file(store.index_fingerprint)
    if choice_file.exists():
        try:
            read_choice(choice_file, index, fingerprint=store.index_fingerprint, verify=True)
        except StaleIndexError as error:
            return str(error)
    return None


def _file_problems(connection: Connection, progress: ProgressCallback | None) -> Iterator[Problem]:
    for number, item in enumerate(sync_state.file_records(connection, os.sep), start=1):
        if progress:
            progress(Progress("checking", number))
        file = file_of(item.path, item.picture)
        try:
            stat = Path(file).stat()
        except OSError as error:
            if item.failure is None:
                yield Problem(ProblemKind.MISSING, f"{file} ({error.strerror})", "recall index, or recall forget")
            continue
        if row_of(item.path) is not None and item.picture is None:
            continue  # a row has no file stat: the table may have changed elsewhere
        if not is_unchanged(stat, item.size, item.mtime_ns, item.ctime_ns):
            yield Problem(ProblemKind.CHANGED, file, "recall index")
