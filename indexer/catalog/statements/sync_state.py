"""Statements that a sync asks of the catalog: what it knows of files, and which items hold the same content."""

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
    column,
    exists,
    func,
    select,
    type_coerce,
    values,
)
from sqlalchemy.types import NullType

from indexer.catalog.filters.path_prefix import path_range
from indexer.catalog.schema import ITEMS

PAGE_SIZE = 500
"""Rows per read of all that is known: they stay in the processor's cache, and pages of 5000 take half as long again."""

FileStatRecord = tuple[bytes, int, int, int | None, str | None, int]
"""What is known of a file: bytes of its path, size, time, time of its sidecar, failure, id; see `Glance`."""


class FileRecord(NamedTuple):
    """What the catalog knows of a file; `failure` is set where it could not be indexed.

    `sidecar_mtime_ns` is the time of the XMP file that was read with it, None where there was none.
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    failure: str | None
    sidecar_mtime_ns: int | None = None
    picture: str | None = None


def file_stats(connection: Connection, root: str, source_id: int) -> Iterator[FileStatRecord]:
    """Yield what is known of a source's files at or under `root`, in the byte order of paths, a page at a time."""
    names = ("path", "size", "mtime_ns", "sidecar_mtime_ns", "failure", "id")
    columns = [
        type_coerce(ITEMS.c[name], NullType()).label(name) for name in names
    ]  # as SQLite gives them: nothing is converted
    mine = ITEMS.c.source_id + 0 == source_id  # a sum, which no index serves: SQLite would take the worse one
    return chain.from_iterable(_pages(connection, root, columns, mine))  # type: ignore[arg-type]


def file_records(connection: Connection, root: str) -> Iterator[FileRecord]:
    """Yield what is known at or under `root`, in the byte order of paths, a page at a time."""
    for page in _pages(connection, root, [ITEMS.c[name] for name in FileRecord._fields]):
        yield from map(FileRecord._make, page)


def _pages(
    connection: Connection, root: str, columns: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]
) -> Iterator[Sequence[Row[Any]]]:
    rows = select(*columns).where(*conditions)
    yield connection.execute(rows.where(ITEMS.c.path == root)).all()
    last, behind = path_range(root)  # without the OR of `under`, for which each page would sort all that is left
    page = (
        rows.where(ITEMS.c.path > bindparam("last", type_=ITEMS.c.path.type), ITEMS.c.path < behind)
        .order_by(ITEMS.c.path)
        .limit(PAGE_SIZE)
    )
    while True:
        found = connection.execute(page, {"last": last}).all()
        yield found
        if len(found) < PAGE_SIZE:
            return
        last = os.fsdecode(found[-1].path)  # of bytes, or of what is a path already


def existing_sizes(connection: Connection, sizes: Collection[int]) -> set[int]:
    """Return those of some sizes that an indexed item has; no content of another size can be equal."""
    wanted = func.json_each(json.dumps(list(sizes))).table_valued(column("value", Integer))
    # one look into the index for each: a great many items may have one size
    has = exists().where(ITEMS.c.size == wanted.c.value, ITEMS.c.content_hash.is_not(None))
    return set(connection.scalars(select(wanted.c.value).where(has)))


def files_by_content(
    connection: Connection, contents: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], list[FileRecord]]:
    """Return the indexed items of each content, a size and a hash, oldest first."""
    found: dict[tuple[int, bytes], list[FileRecord]] = {content: [] for content in contents}
    if not found:
        return found
    names = (column("size", Integer), column("content_hash", LargeBinary))
    wanted = values(*names, name="wanted").data(list(found)).cte()  # joined, since for IN SQLite reads all items
    is_it = and_(ITEMS.c.size == wanted.c.size, ITEMS.c.content_hash == wanted.c.content_hash)
    columns = [ITEMS.c[name] for name in FileRecord._fields]
    statement = select(*columns, ITEMS.c.content_hash).join_from(wanted, ITEMS, is_it).where(ITEMS.c.failure.is_(None))
    for *facts, content_hash in connection.execute(statement.order_by(ITEMS.c.id)):
        item = FileRecord._make(facts)
        found[item.size, content_hash].append(item)
    return found
