"""Statements for a sync: the files recorded in the catalog, and the items with equal content."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    and_,
    bindparam,
    case,
    column,
    exists,
    null,
    select,
    type_coerce,
    values,
)
from sqlalchemy.types import NullType

from indexer.catalog.column_types import NUMBER
from indexer.catalog.constructs import Stamp, number_table, streaming
from indexer.catalog.dialect import is_postgresql
from indexer.catalog.filters.path_prefix import path_range
from indexer.catalog.schema import ITEMS, OUTDATED_METADATA
from indexer.object_path import is_object

PAGE_SIZE = 500
"""Rows per read of a listing: these fit the processor's cache; pages of 5000 take half as long again."""

StatRecord = tuple[bytes, int | None, int, int | None, str | None]
"""A file's path as bytes, size, modification time, change time, and the same of its sidecar as `sidecar_stamp` has it.

That is what a walk finds, so that many files are compared at once. The size is None if the file must be looked at
although it may be unchanged: it could not be indexed, or its metadata is to be read again.
"""

_SIDECAR_STAMP = Stamp(ITEMS.c.sidecar_mtime_ns, ITEMS.c.sidecar_size, ITEMS.c.sidecar_ctime_ns)
"""One column instead of three, each of which takes as long as the comparison of a file."""


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


def stat_pages(connection: Connection, root: str, source_id: int) -> Generator[Sequence[StatRecord], None, None]:
    """Yield the records of a source's files at or under `root`, in the byte order of paths, page by page.

    Close the generator if it is not read to its end: until then its statement keeps the transaction open.
    """
    raw = NullType()  # the values as the database returns them
    is_expected: ColumnElement[bool] = ITEMS.c.failure.is_(None)
    if connection.scalar(select(exists().select_from(OUTDATED_METADATA))):
        is_expected = is_expected & ~exists().where(OUTDATED_METADATA.c.item_id == ITEMS.c.id)
    size = case((is_expected, ITEMS.c.size))
    times = ITEMS.c.mtime_ns, null() if is_object(root) else ITEMS.c.ctime_ns  # a listing of objects has no ETags
    records = (
        select(type_coerce(ITEMS.c.path, raw), size, *times, type_coerce(_SIDECAR_STAMP, raw))
        .select_from(ITEMS)
        .where(ITEMS.c.source_id + 0 == source_id)  # "+ 0" rules out the index on source_id, which is slower here
    )
    first, end = path_range(root)  # two statements: with OR, SQLite would sort all rows
    below = records.where(ITEMS.c.path > first, ITEMS.c.path < end).order_by(ITEMS.c.path)
    for statement in (records.where(ITEMS.c.path == root), below):
        with connection.execute(statement, execution_options=streaming(connection)) as result:
            if is_postgresql(connection):
                yield from ([tuple(row) for row in page] for page in result.partitions(PAGE_SIZE))
                continue
            cursor = result.cursor  # its tuples: SQLAlchemy's rows are compared slowly
            while page := cursor.fetchmany(PAGE_SIZE):
                yield page


def sidecar_stamp(mtime_ns: int | None, size: int | None, ctime_ns: int | None) -> str | None:
    """Return the numbers of a sidecar as a text; None without a sidecar."""
    numbers = mtime_ns, size, ctime_ns
    return None if mtime_ns is None else " ".join("" if number is None else str(number) for number in numbers)


def file_records(connection: Connection, root: str) -> Iterator[FileRecord]:
    """Yield the records of files at or under `root`, in the byte order of paths, reading page by page."""
    for page in _pages(connection, root):
        yield from (FileRecord._make((*row, False)) for row in page)


def records_by_path(connection: Connection, paths: Sequence[str]) -> dict[str, FileRecord]:
    """Return the records of files by path."""
    is_outdated = exists().where(OUTDATED_METADATA.c.item_id == ITEMS.c.id)
    statement = select(*(ITEMS.c[name] for name in _RECORD_COLUMNS), is_outdated).where(ITEMS.c.path.in_(paths))
    return {row.path: FileRecord._make(row) for row in connection.execute(statement)}


def _pages(connection: Connection, root: str) -> Iterator[Sequence[Row[Any]]]:
    rows = select(*(ITEMS.c[name] for name in _RECORD_COLUMNS))
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
        last = result[-1].path


def existing_sizes(connection: Connection, sizes: Collection[int]) -> set[int]:
    """Return the sizes among `sizes` that an indexed file has; files of other sizes cannot have equal content."""
    candidates = number_table(json.dumps(list(sizes)))
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
    names = (column("size", NUMBER), column("content_hash", LargeBinary))
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
