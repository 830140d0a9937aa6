"""Why a file is not in the library, or not in it as it is now."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection

from indexer.catalog.statements import sources
from indexer.catalog.statements.items import ItemState
from indexer.catalog.statements.sources import Source
from indexer.documents.table import table_format
from indexer.documents.text_file import text_format
from indexer.images import is_photo_name
from indexer.sync.scan_rules import source_rules
from indexer.types import is_unchanged


def why_absent(connection: Connection, place: str) -> str:
    """Return why the library knows nothing of a file, in words for people.

    Args:
        connection: Of the catalog.
        place: Absolute path of a file that is no item.
    """
    if not os.path.lexists(place):
        return f"there is no file {place}, and the library never had one there; check the path"
    if Path(place).is_dir():
        return f"{place} is a folder; name one file in it"
    around = sources.enclosing_source(connection, place)
    if around is None:
        return f"it was never indexed: it is in no folder that the library knows; run: recall index {place}"
    return _why_not_walked(around, place)


def _why_not_walked(around: Source, place: str) -> str:
    """Return why the sync of a source passed a file over."""
    left_out = source_rules(around).exclusion_reason(os.path.relpath(place, around.root))
    if left_out:
        return f"it was never indexed: {left_out}, in {around.root}; to change that see recall index --help"
    if table_format(place):
        return f"it was never indexed: a table has to be named itself; run: recall index {place} --text-column NAME"
    if not is_photo_name(place) and text_format(place) is None:
        ending = Path(place).suffix or "no ending"
        return f"it was never indexed: its name ends like no photo or text that Recall reads ({ending})"
    when = f"at {around.synced_at:%Y-%m-%d %H:%M} UTC" if around.synced_at else "but not to the end"
    return f"it was not there when {around.root} was last indexed, {when}; run: recall index {around.root}"


def why_stale(item: ItemState) -> str | None:
    """Return how an item's file differs from the one that was indexed, or None where it does not."""
    try:
        facts = Path(item.file).stat()
    except OSError as error:
        return f"its file cannot be found now ({error.strerror}); what is said here is of the file that was indexed"
    if item.file == item.path and not is_unchanged(facts, item.size, item.mtime_ns):
        return "its file has changed since it was indexed; run: recall index"
    return None
