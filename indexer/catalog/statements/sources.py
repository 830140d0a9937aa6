"""Statements about sources: the folders and files that were indexed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, null, select, update

from indexer.catalog.filters.path_prefix import at_or_under, path_range
from indexer.catalog.schema import ITEMS, SOURCES
from indexer.catalog.statements.counts import has_items
from indexer.types import utc_now


class Source(NamedTuple):
    """A source as the catalog knows it."""

    id: int
    root: str
    exclude: list[str]
    include_hidden: bool
    synced_at: datetime | None
    columns: dict[str, Any] | None = None


def sources(connection: Connection) -> list[Source]:
    """Return all sources by path."""
    return _listed(connection)


def enclosing_source(connection: Connection, path: str) -> Source | None:
    """Return the innermost source that is `path` or a folder around it, or None."""
    around = _listed(connection, SOURCES.c.root.in_([path, *map(str, Path(path).parents)]))
    return max(around, key=lambda source: len(source.root), default=None)


def sources_below(connection: Connection, path: str) -> list[Source]:
    """Return the sources below `path`, without `path` itself."""
    inside, behind = path_range(path)
    return _listed(connection, SOURCES.c.root > inside, SOURCES.c.root < behind)


def _listed(connection: Connection, *conditions: ColumnElement[bool]) -> list[Source]:
    columns = [SOURCES.c[name] for name in Source._fields]
    statement = select(*columns).where(*conditions).order_by(SOURCES.c.root)
    return [Source(*row) for row in connection.execute(statement)]


def canonical_path(connection: Connection, path: str | os.PathLike[str]) -> str:
    """Return the name under which the library knows a path: as it is written, else with links resolved."""
    written = os.path.abspath(os.path.expanduser(path))
    if has_items(connection, written) or _listed(connection, SOURCES.c.root == written):
        return written
    return os.path.realpath(written)


def add_source(
    connection: Connection,
    root: str,
    *,
    exclude: Sequence[str],
    include_hidden: bool,
    former: Source | None,
    columns: dict[str, Any] | None = None,
) -> Source:
    """Add a source and return it; what the source around it, `former`, has from there becomes its own."""
    values = {
        "root": root,
        "exclude": list(exclude),
        "include_hidden": include_hidden,
        "columns": null() if columns is None else columns,
        "added_at": utc_now(),
    }
    id_ = connection.scalars(insert(SOURCES).values(values).returning(SOURCES.c.id)).one()
    if former is not None:
        mine = (at_or_under(ITEMS.c.path, root), ITEMS.c.source_id == former.id)
        connection.execute(update(ITEMS).where(*mine).values(source_id=id_))
    return Source(id_, root, list(exclude), include_hidden, None, columns)


def update_source(connection: Connection, source: Source) -> None:
    """Store a source's rules of what to leave out, and the columns of a table."""
    values = {
        "exclude": source.exclude,
        "include_hidden": source.include_hidden,
        "columns": null() if source.columns is None else source.columns,
    }
    connection.execute(update(SOURCES).where(SOURCES.c.id == source.id).values(values))


def mark_synced(connection: Connection, source_id: int) -> None:
    """Note that a source was synced now."""
    connection.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(synced_at=utc_now()))


def delete_under(connection: Connection, path: str, *, limit: int) -> int:
    """Delete so many of the items at or under `path`, with the last of them the sources there; return how many."""
    some = select(ITEMS.c.id).where(at_or_under(ITEMS.c.path, path)).limit(limit)
    removed = connection.execute(delete(ITEMS).where(ITEMS.c.id.in_(some))).rowcount
    if removed < limit:
        connection.execute(delete(SOURCES).where(at_or_under(SOURCES.c.root, path)))
    return removed


def delete_empty_sources(connection: Connection) -> None:
    """Delete the sources without photos that are gone from the disk, or lie in another source."""
    used = select(ITEMS.c.source_id).where(ITEMS.c.source_id == SOURCES.c.id).exists()
    for row in connection.execute(select(SOURCES.c.id, SOURCES.c.root).where(~used)).all():
        folder = os.path.dirname(row.root)
        inside = folder != row.root and enclosing_source(connection, folder) is not None
        if inside or not os.path.lexists(row.root):
            connection.execute(delete(SOURCES).where(SOURCES.c.id == row.id))
