"""Names the places of photos that were indexed before the gazetteer was there, or by another version of it."""

from __future__ import annotations

from indexer.catalog.statements import positions
from indexer.catalog.statements.item_words import write_item_words
from indexer.store import Store


def name_positions(store: Store) -> None:
    """Write the places of all photos with a position, once for each version of the gazetteer; nothing is encoded.

    A run that is interrupted begins again with the next sync.

    Args:
        store: The library; its write lock must be held.
    """
    with store.reading() as connection:
        if not positions.must_name_positions(connection):
            return
        pages = list(positions.pages_with_positions(connection))
    if pages and not positions.has_gazetteer():
        return
    for page in pages:
        with store.transaction() as connection:
            positions.forget_positions(connection, page)
            positions.write_positions(connection, page)
            write_item_words(connection, page)
        store.let_others_write()
    with store.transaction() as connection:
        positions.save_gazetteer_version(connection)
