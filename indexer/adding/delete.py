"""Deletes added items, never files."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import added_items, item_metadata, writes
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.store import Store
from indexer.store.stored_pictures import delete_files


def delete_items(
    store: Store, *, ids: Sequence[str] | None, where: Filter | None, collection: str | None, wait: float | None = None
) -> int:
    """Delete added items, and return how many there were; photos and texts that a sync reads are never deleted.

    Args:
        store: The library; its write lock must not be held.
        ids: Ids of the items; unknown ones are passed over. None for all that pass the others.
        where: Filter with paths as the catalog knows them; None lets everything pass.
        collection: The collection; None for all.
        wait: Seconds to wait for another writer; None for the library's own.
    """
    deleted = 0
    with store.reading() as connection:
        item_ids = _item_ids(connection, ids=ids, where=where, collection=collection)
    for start in range(0, len(item_ids), PAGE_SIZE):
        page = item_ids[start : start + PAGE_SIZE]
        with store.writing("deleting items", wait=wait):
            with store.transaction() as connection:
                files = added_items.picture_files(connection, page)
                item_metadata.delete_values(connection, page)
                deleted += writes.delete_items(connection, page)
                unused = added_items.unused_hashes(connection, files)
            delete_files(store.picture_folder, unused)
    return deleted


def _item_ids(
    connection: Connection, *, ids: Sequence[str] | None, where: Filter | None, collection: str | None
) -> list[int]:
    """Return the items to delete by their id in the catalog."""
    pages = added_items.pages_of_added(connection, where, collection)
    if ids is None:
        return [item_id for page in pages for item_id in page]
    found = added_items.find_by_id(connection, ids, collection)
    item_ids = [record.item_id for records in found.values() for record in records]
    if where is None:
        return item_ids
    passing = {item_id for page in pages for item_id in page}
    return [item_id for item_id in item_ids if item_id in passing]
