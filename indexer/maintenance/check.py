"""Holds catalog, index and disk against each other, and mends what can be derived."""

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
    """Where two of catalog, index and disk disagree."""

    CATALOG = "catalog"  # the database file itself is damaged
    EMBEDDING = "embedding"  # an item has none, or one that is no unit vector
    INDEX = "index"  # the index file does not hold what the catalog says
    MISSING = "missing"  # the file of an item is gone
    CHANGED = "changed"  # the file of an item is not the one that was indexed


class Problem(NamedTuple):
    """One disagreement, and what to do about it."""

    kind: ProblemKind
    subject: str
    advice: str


def check(store: Store, *, progress: ProgressCallback | None = None) -> Iterator[Problem]:
    """Yield every disagreement between catalog, index and disk; nothing is changed."""
    known = store.encoder
    with store.reading() as connection:
        for (said,) in connection.execute(text("PRAGMA integrity_check")).all():
            if said != "ok":
                yield Problem(
                    ProblemKind.CATALOG, said, "restore catalog.db from a backup, or index into a new library"
                )
        if known is not None:
            for item_id, path in _without_embedding(connection, known):
                yield Problem(
                    ProblemKind.EMBEDDING,
                    f"{file_of(path)} (item {item_id})",
                    "recall check --repair, then recall index",
                )
            problem = _index_problem(store, known, connection)
            if problem:
                yield Problem(ProblemKind.INDEX, problem, "recall check --repair")
        yield from _on_disk(connection, progress)


def repair(store: Store, *, progress: ProgressCallback | None = None) -> int:
    """Rebuild the index, drop items whose embedding is unusable, and return how many those were.

    The next sync finds the dropped items again and encodes them.
    """
    known = store.encoder
    if known is None:
        return 0
    with store.transaction() as connection:
        unusable = [item_id for item_id, _ in _without_embedding(connection, known)]
        writes.delete_items(connection, unusable)
    store.rebuild_index(progress)
    return len(unusable)


def _without_embedding(connection: Connection, known: EncoderRecord) -> list[tuple[int, str]]:
    """Return id and path of items that lack a usable embedding under the library's encoder."""
    good = [np.empty(0, dtype=np.int64)]
    for ids, vectors, _ in items.embeddings_after(connection, known.id, known.dim, 0):
        lengths = np.linalg.norm(vectors, axis=1)
        good.append(ids[np.abs(lengths - 1) < 1e-2])  # NaN and infinity fail this too
    return items.items_missing_embeddings(connection, known.id, np.concatenate(good))


def _index_problem(store: Store, known: EncoderRecord, connection: Connection) -> str | None:
    """Return what is wrong with the index file, or None; one that is only behind is not wrong."""
    try:
        index, watermark = read_index(
            store.index_file(store.index_fingerprint), fingerprint=store.index_fingerprint, verify=True
        )
    except StaleIndexError as error:
        return str(error)
    for ids, vectors, _ in items.embeddings_after(connection, known.id, known.dim, 0):
        held = isin_sorted(ids, index.ids)
        lost = ids[~held & (ids <= watermark)]
        if len(lost):
            return f"{len(lost)} embeddings are not in the index"
        adapted = store.apply_adapter(connection, ids, vectors)
        if not np.array_equal(index.half_vectors(ids[held]), to_half(adapted[held])):
            return "the index holds other vectors than the catalog"
    chosen = store.choice_file(store.index_fingerprint)
    if chosen.exists():
        try:
            read_choice(chosen, index, fingerprint=store.index_fingerprint, verify=True)
        except StaleIndexError as error:
            return str(error)
    return None


def _on_disk(connection: Connection, progress: ProgressCallback | None) -> Iterator[Problem]:
    for number, item in enumerate(sync_state.file_records(connection, os.sep), start=1):
        if progress:
            progress(Progress("checking", number))
        file = file_of(item.path, item.picture)
        try:
            facts = Path(file).stat()
        except OSError as error:
            if item.failure is None:
                yield Problem(ProblemKind.MISSING, f"{file} ({error.strerror})", "recall index, or recall forget")
            continue
        if row_of(item.path) is not None and item.picture is None:
            continue  # size and time are not the table's: it may have other rows by now, and this one as it was
        if not is_unchanged(facts, item.size, item.mtime_ns):
            yield Problem(ProblemKind.CHANGED, file, "recall index")
