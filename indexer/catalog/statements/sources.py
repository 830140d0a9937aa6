"""Statements about sources: the folders, files and tables that were indexed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, null, select, update

from indexer.catalog.backend import full_text
from indexer.catalog.filters.path_prefix import at_or_under, path_range
from indexer.catalog.schema import ITEMS, SOURCES
from indexer.catalog.statements.counts import has_items
from indexer.catalog.statements.item_words import write_item_words_under
from indexer.catalog.statements.spellings import stored_spellings
from indexer.errors import SourceError
from indexer.object_path import absolute_path, file_path, is_object
from indexer.storage.item_files import may_exist
from indexer.storage.url import is_url
from indexer.types import utc_now


class Source(NamedTuple):
    """A source's record in the catalog."""

    id: int
    root: str
    exclude: list[str]
    include_hidden: bool
    synced_at: datetime | None
    columns: dict[str, Any] | None = None
    mounts: dict[str, Any] | None = None


def sources(connection: Connection) -> list[Source]:
    """Return what a sync reads, ordered by path: folders, files and tables, not the collections of added items."""
    return _select_sources(connection)


def enclosing_source(connection: Connection, path: str) -> Source | None:
    """Return the innermost source at `path` or above it, or None."""
    enclosing = _select_sources(connection, SOURCES.c.root.in_([path, *map(str, file_path(path).parents)]))
    return max(enclosing, key=lambda source: len(source.root), default=None)


def sources_below(connection: Connection, path: str) -> list[Source]:
    """Return the sources below `path`, without `path` itself."""
    start, end = path_range(path)
    return _select_sources(connection, SOURCES.c.root > start, SOURCES.c.root < end)


def _select_sources(connection: Connection, *conditions: ColumnElement[bool]) -> list[Source]:
    columns = [SOURCES.c[name] for name in Source._fields]
    statement = select(*columns).where(SOURCES.c.collection.is_(None), *conditions).order_by(SOURCES.c.root)
    return [Source(*row) for row in connection.execute(statement)]


def canonical_path(connection: Connection, path: str | os.PathLike[str]) -> str:
    """Return a path as the library stores it: as given if anything is stored there, else with links resolved.

    If nothing is stored there either, and no other file has the name as it is given, the path may be stored in the
    other Unicode form: macOS writes names in NFD, keyboards write NFC.
    """
    if is_url(text := os.fspath(path)):
        return absolute_path(path) if is_object(path) else text
    absolute = absolute_path(path)
    if has_items(connection, absolute) or _select_sources(connection, SOURCES.c.root == absolute):
        return absolute
    resolved = os.path.realpath(absolute)
    for candidate in () if absolute.isascii() else dict.fromkeys((resolved, absolute)):
        for spelling in stored_spellings(connection, candidate):
            if not os.path.lexists(candidate) or _is_same_file(spelling, candidate):
                return spelling
    return resolved


def _is_same_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def add_source(
    connection: Connection,
    root: str,
    *,
    exclude: Sequence[str],
    include_hidden: bool,
    enclosing: Source | None,
    columns: dict[str, Any] | None = None,
) -> Source:
    """Add a source and return it; items of the `enclosing` source at or below its root move to it."""
    values = {
        "root": root,
        "exclude": list(exclude),
        "include_hidden": include_hidden,
        "columns": null() if columns is None else columns,
        "added_at": utc_now(),
    }
    id_ = connection.scalars(insert(SOURCES).values(values).returning(SOURCES.c.id)).one()
    if enclosing is not None:
        in_root = (at_or_under(ITEMS.c.path, root), ITEMS.c.source_id == enclosing.id)
        connection.execute(update(ITEMS).where(*in_root).values(source_id=id_))
    elif sources_below(connection, root):
        write_item_words_under(connection, root)
    return Source(id_, root, list(exclude), include_hidden, None, columns)


def require(connection: Connection, source_id: int | None) -> None:
    """Refuse a source that another process removed since its sync began; None stands for no source.

    Raises:
        SourceError: The source is no longer in the library.
    """
    if source_id is not None and not connection.scalar(select(SOURCES.c.id).where(SOURCES.c.id == source_id)):
        raise SourceError("the folder was removed from the library while it was indexed; to add it, index it again")


def update_source(connection: Connection, source: Source) -> None:
    """Store a source's exclude rules, table columns and mounts."""
    values = {
        "exclude": source.exclude,
        "include_hidden": source.include_hidden,
        "columns": null() if source.columns is None else source.columns,
        "mounts": null() if source.mounts is None else source.mounts,
    }
    connection.execute(update(SOURCES).where(SOURCES.c.id == source.id).values(values))


def update_mounts(connection: Connection, source_id: int, mounts: dict[str, Any] | None) -> None:
    """Store which folders of a source are on another disk."""
    values = {"mounts": null() if mounts is None else mounts}
    connection.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(values))


def mark_synced(connection: Connection, source_id: int) -> None:
    """Record that a source was synced now."""
    connection.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(synced_at=utc_now()))


def delete_under(connection: Connection, path: str, *, limit: int) -> int:
    """Delete up to `limit` items at or under `path` and return how many; the sources there go with the last items."""
    ids = select(ITEMS.c.id).where(at_or_under(ITEMS.c.path, path)).limit(limit)
    deleted = connection.execute(delete(ITEMS).where(ITEMS.c.id.in_(ids))).rowcount
    full_text(connection).finish_deletion(connection)
    if deleted < limit:
        connection.execute(delete(SOURCES).where(at_or_under(SOURCES.c.root, path)))
    return deleted


def delete_empty_sources(connection: Connection) -> None:
    """Delete sources without items that no longer exist on disk or are inside another source."""
    has_item = select(ITEMS.c.source_id).where(ITEMS.c.source_id == SOURCES.c.id).exists()
    is_empty = (SOURCES.c.collection.is_(None), ~has_item)
    for row in connection.execute(select(SOURCES.c.id, SOURCES.c.root).where(*is_empty)).all():
        folder = os.path.dirname(row.root)
        is_nested = folder != row.root and enclosing_source(connection, folder) is not None
        if is_nested or not may_exist(row.root):
            connection.execute(delete(SOURCES).where(SOURCES.c.id == row.id))
