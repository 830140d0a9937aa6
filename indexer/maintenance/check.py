"""Compare catalog, index and disk, and repair derived data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.statements import added_items, items, sources, sync_state, writes
from indexer.catalog.statements.added_items import StoredPicture
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.errors import StorageError
from indexer.object_path import SCHEME
from indexer.storage.item_files import stat_files
from indexer.store import Store
from indexer.store.stored_pictures import files_in, picture_bytes, picture_path
from indexer.types import Progress, ProgressCallback, collection_of, file_of, is_unchanged, isin_sorted, row_of
from indexer.types import item_id as item_id_of
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
    PICTURE = "picture"  # the stored picture of an added item is missing or damaged, or belongs to no item


class Problem(NamedTuple):
    """A disagreement: its kind, the file or component it concerns, and what to do about it."""

    kind: ProblemKind
    subject: str
    advice: str


def check(store: Store, *, progress: ProgressCallback | None = None) -> Iterator[Problem]:
    """Yield every disagreement between catalog, index and disk; changes nothing."""
    encoder = store.encoder
    pictures = files_in(store.picture_folder)
    with store.reading() as connection:
        for damage, advice in store.database.damages(connection):
            yield Problem(ProblemKind.CATALOG, damage, advice)
        if encoder is not None:
            for item_id, path in _items_without_embedding(connection, encoder):
                if collection_of(path) is None:
                    subject, advice = file_of(path), "recall check --repair, then recall index"
                else:
                    subject, advice = _name(path), "add the item again"
                yield Problem(ProblemKind.EMBEDDING, f"{subject} (item {item_id})", advice)
            problem = _index_problem(store, encoder, connection)
            if problem:
                yield Problem(ProblemKind.INDEX, problem, "recall check --repair")
        yield from _file_problems(connection, progress)
        yield from _picture_problems(connection, store.picture_folder, pictures)


def repair(store: Store, *, progress: ProgressCallback | None = None) -> int:
    """Rebuild the index, delete items without a usable embedding, and return how many were deleted.

    The next sync finds the deleted items again and encodes them. Added items, which no sync finds, stay. Stored
    pictures that belong to no item are deleted.
    """
    with store.reading() as connection:
        unused = _unused(connection, store.picture_folder, files_in(store.picture_folder))
    for file in unused:
        file.unlink(missing_ok=True)
    encoder = store.encoder
    if encoder is None:
        return 0
    with store.transaction() as connection:
        without = _items_without_embedding(connection, encoder)
        unusable = [item_id for item_id, path in without if collection_of(path) is None]
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
    """Return what is wrong with the index file, or None; being behind the catalog is not a problem.

    Adding few items writes no file, so a library of added items alone may have none, and a library whose index is in
    the server needs none.
    """
    file = store.index_file(store.index_fingerprint)
    needs_none = store.server_choice() is not None or not sources.sources(connection)
    if needs_none and not os.path.lexists(file):
        return None
    try:
        index, watermark = read_index(file, fingerprint=store.index_fingerprint, verify=True)
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


def _picture_problems(connection: Connection, library: Path | None, files: Sequence[Path]) -> Iterator[Problem]:
    """Yield the stored pictures that are missing or damaged, and those of these files that belong to no item."""
    reasons: dict[bytes, str | None] = {}
    for path, hash_ in added_items.large_pictures(connection):
        if hash_ not in reasons:
            try:
                picture_bytes(library, StoredPicture("", hash_, None))
            except StorageError as error:
                reasons[hash_] = str(error).partition(";")[0]
            else:
                reasons[hash_] = None
        if reasons[hash_] is not None:
            yield Problem(ProblemKind.PICTURE, f"{_name(path)}: {reasons[hash_]}", "add the item again")
    for file in _unused(connection, library, files):
        if os.path.lexists(file):
            yield Problem(ProblemKind.PICTURE, f"{file} belongs to no item", "recall check --repair")


def _unused(connection: Connection, library: Path | None, files: Sequence[Path]) -> list[Path]:
    """Return those of these files in the folder of stored pictures that belong to no item."""
    if library is None or not files:
        return []
    used = {picture_path(library, hash_) for _, hash_ in added_items.large_pictures(connection)}
    return sorted(file for file in files if file not in used)


def _name(path: str) -> str:
    """Return what names an added item, for people."""
    return f"{file_of(path)}: {item_id_of(path)}"


def _file_problems(connection: Connection, progress: ProgressCallback | None) -> Iterator[Problem]:
    records = chain.from_iterable(sync_state.file_records(connection, root) for root in (os.sep, SCHEME))
    found = stat_files(records, lambda item: file_of(item.path, item.picture))
    for number, (item, stat) in enumerate(found, start=1):
        if progress:
            progress(Progress("checking", number))
        file = file_of(item.path, item.picture)
        if isinstance(stat, OSError):
            if item.failure is None:
                yield Problem(ProblemKind.MISSING, f"{file} ({stat.strerror})", "recall index, or recall forget")
            continue
        if row_of(item.path) is not None and item.picture is None:
            continue  # a row has no file stat: the table may have changed elsewhere
        if not is_unchanged(stat, item.size, item.mtime_ns, item.ctime_ns):
            yield Problem(ProblemKind.CHANGED, file, "recall index")
