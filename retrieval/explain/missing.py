"""Reasons why a file is not in the library, or not in its present state."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.statements import sources
from indexer.catalog.statements.items import ItemState
from indexer.catalog.statements.sources import Source
from indexer.documents.table import table_format
from indexer.documents.text_file import text_format
from indexer.errors import StorageError
from indexer.images import is_photo_name
from indexer.object_path import is_object
from indexer.storage.item_files import is_missing, stat_file
from indexer.sync.scan_rules import source_rules
from indexer.types import collection_of, is_unchanged, item_id


def absence_reason(connection: Connection, path: str) -> str:
    """Return why a file is not in the library, for people.

    Args:
        connection: Connection to the catalog.
        path: Absolute path of a file that is not an item, or the path of an added item that was deleted.
    """
    collection = collection_of(path)
    if collection is not None:
        return f"the collection {collection!r} has no item {item_id(path)!r:.120}; it was deleted"
    if is_missing(path):
        return f"there is no file {path}, and it was never indexed; check the path"
    if not is_object(path) and os.path.isdir(path):
        return f"{path} is a folder; name one file in it"
    source = sources.enclosing_source(connection, path)
    if source is None:
        return f"it was never indexed: it is in no folder of the library; run: recall index {path}"
    return _exclusion_reason(source, path)


def _exclusion_reason(source: Source, path: str) -> str:
    """Return why the sync of a source left out a file."""
    reason = source_rules(source).exclusion_reason(path, source.root)
    if reason:
        return f"it was never indexed: {reason}, in {source.root}; to change that see recall index --help"
    if table_format(path):
        return f"it was never indexed: a table must be named itself; run: recall index {path} --text-column NAME"
    if not is_photo_name(path) and text_format(path) is None:
        extension = f"the extension {Path(path).suffix}" if Path(path).suffix else "a name without an extension"
        return f"it was never indexed: Recall reads no photos or texts with {extension}"
    when = f"at {source.synced_at:%Y-%m-%d %H:%M} UTC" if source.synced_at else "in a run that was stopped"
    return f"it did not exist when {source.root} was last indexed, {when}; run: recall index {source.root}"


def staleness_reason(item: ItemState) -> str | None:
    """Return how an item's file differs from the one that was indexed, or None if it is unchanged or was added."""
    if collection_of(item.path) is not None:
        return None
    try:
        stat = stat_file(item.file)
    except (OSError, StorageError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"its file cannot be found now ({reason}); this is about the file that was indexed"
    if item.file == item.path and not is_unchanged(stat, item.size, item.mtime_ns):
        return "its file has changed since it was indexed; run: recall index"
    return None
