"""Statements for a sync: the files recorded in the catalog, and the items with equal content."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Row,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    select,
    type_coerce,
    values,
)
from sqlalchemy.types import NullType

from indexer.catalog.filters.path_prefix import path_range
from indexer.catalog.schema import ITEMS, OUTDATED_METADATA

PAGE_SIZE = 500
"""Rows per read of a listing: these fit the processor's cache; pages of 5000 take half as long again."""

OUTDATED = "outdated"

FileStatRecord = tuple[bytes, int, int, int | None, int | None, int | None, int | None, str | None, int, bytes | None]
"""A file's record without conversions, in the order of `_STAT_COLUMNS`; the path is bytes."""

_STAT_COLUMNS = (
    "path", "size", "mtime_ns", "ctime_ns", "sidecar_mtime_ns", "sidecar_size", "sidecar_ctime_ns",
    "failure", "id", "sidecar_hash",
)  # fmt: skip


class FileRecord(NamedTuple):
    """An item's file as the catalog records it; `failure` is set if it could not be indexed.

    The sidecar is what was read with it, see `SourceFile`. Change times, the sidecar's size and its hash are None if
    they are not known: earlier versions did not record them. `is_outdated` is set if a version read its metadata that
    reads less.
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    failure: str | None
    sidecar_mtime_ns: int | None = None
    picture: str | None = None
    ctime_ns: int | None = None
    sidecar_size: int | None = None
    sidecar_ctime_ns: int | None = None
    sidecar_hash: bytes | None = None
    is_outdated: bool = False


_RECORD_COLUMNS = FileRecord._fields[:-1]


def file_stats(connection: Connection, root: str, source_id: int) -> Iterator[FileStatRecord]:
    """Yield the records of a source's files at or under `root`, in the byte order of paths, reading page by page.

    The failure of a photo whose metadata is to be read again is `OUTDATED`.
    """
    columns = [type_coerce(ITEMS.c[name], NullType()).label(name) for name in _STAT_COLUMNS]  # raw values of SQLite
    if connection.scalar(select(exists().select_from(OUTDATED_METADATA))):
        is_outdated = exists().where(OUTDATED_METADATA.c.item_id == ITEMS.c.id)
        failure = func.coalesce(ITEMS.c.failure, case((is_outdated, OUTDATED)))
        columns[_STAT_COLUMNS.index("failure")] = failure.label("failure")
    of_source = ITEMS.c.source_id + 0 == source_id  # "+ 0" rules out the index on source_id, which is slower here
    return chain.from_iterable(_pages(connection, root, columns, of_source))  # type: ignore[arg-type]


def file_records(connection: Connection, root: str) -> Iterator[FileRecord]:
    """Yield the records of files at or under `root`, in the byte order of paths, reading page by page."""
    for page in _pages(connection, root, [ITEMS.c[name] for name in _RECORD_COLUMNS]):
        yield from (FileRecord._make((*row, False)) for row in page)


def _pages(
    connection: Connection, root: str, columns: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]
) -> Iterator[Sequence[Row[Any]]]:
    rows = select(*columns).where(*conditions)
    yield connection.execute(rows.where(ITEMS.c.path == root)).all()
    last, end = path_range(root)  # not `at_or_under`: with its OR each page would sort all remaining rows
    page = (
        rows.where(ITEMS.c.path > bindparam("last", type_=ITEMS.c.path.type), ITEMS.c.path < end)
        .order_by(ITEMS.c.path)
        .limit(PAGE_SIZE)
    )
    while True:
        result = connection.execute(page, {"last": last}).all()
        yield result
        if len(result) < PAGE_SIZE:
            return
        last = os.fsdecode(result[-1].path)  # bytes or str


def existing_sizes(connection: Connection, sizes: Collection[int]) -> set[int]:
    """Return the sizes among `sizes` that an indexed file has; files of other sizes cannot have equal content."""
    candidates = func.json_each(json.dumps(list(sizes))).table_valued(column("value", Integer))
    # EXISTS stops at the first match: very many items may have the same size
    has_item = exists().where(ITEMS.c.size == candidates.c.value, ITEMS.c.content_hash.is_not(None))
    return set(connection.scalars(select(candidates.c.value).where(has_item)))


def files_by_content(
    connection: Connection, contents: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], list[FileRecord]]:
    """Return the indexed files with each content, given as size and hash; oldest first."""
    files: dict[tuple[int, bytes], list[FileRecord]] = {content: [] for content in contents}
    if not files:
        return files
    names = (column("size", Integer), column("content_hash", LargeBinary))
    keys = values(*names, name="keys").data(list(files)).cte()  # a join: with IN, SQLite reads all items
    is_equal = and_(ITEMS.c.size == keys.c.size, ITEMS.c.content_hash == keys.c.content_hash)
    columns = [ITEMS.c[name] for name in _RECORD_COLUMNS]
    statement = select(*columns, ITEMS.c.content_hash).join_from(keys, ITEMS, is_equal).where(ITEMS.c.failure.is_(None))
    for *fields, content_hash in connection.execute(statement.order_by(ITEMS.c.id)):
        file = FileRecord._make((*fields, False))
        files[file.size, content_hash].append(file)
    return files


def paths_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the paths of items by id, leaving out items that no longer exist."""
    rows = connection.execute(select(ITEMS.c.id, ITEMS.c.path).where(ITEMS.c.id.in_(ids)))
    return {row.id: row.path for row in rows}
