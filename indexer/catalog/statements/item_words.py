"""Statements that write the words of items' names into their full-text index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from indexer.catalog.backend import full_text
from indexer.catalog.filters.path_prefix import at_or_under
from indexer.catalog.schema import ITEMS, LABELS, PLACES, SOURCES
from indexer.catalog.statements.items import PAGE_SIZE, labels_of
from indexer.catalog.words import item_words
from indexer.types import collection_of, file_of


def write_item_words(connection: Connection, ids: Sequence[int]) -> None:
    """Write the words of the names of items, from their rows and labels."""
    roots = source_roots(connection)
    columns = ("id", "path", "picture", "camera", "lens", "title", "description")
    statement = select(*(ITEMS.c[name] for name in columns))
    for start in range(0, len(ids), PAGE_SIZE):
        page = ids[start : start + PAGE_SIZE]
        labels = [labels_of(connection, column, page) for column in LABELS.values()]
        positions = _positions(connection, page)
        words = []
        for row in connection.execute(statement.where(ITEMS.c.id.in_(page))):
            places = positions.get(row.id, [])
            labeled = (text for by_item in labels for text in by_item.get(row.id, ()) if text not in places)
            texts = (row.title, row.description, *labeled)
            file, row_id = file_of(row.path, row.picture), row.path.partition("\0")[2].partition("\0")[0]
            names = (row.camera, row.lens, *places)
            if collection_of(row.path) is not None:  # its collection's name is no name of its own
                file, root = row.picture or "", os.path.dirname(row.picture or "")
                row_id = ""  # an id that an app gave is found by `get`
            else:
                root = root_of(row.path, roots)
            words.append((row.id, item_words(file, row_id, root, names, texts)))
        full_text(connection).write_item_words(connection, words)


def _positions(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the places that items have by their positions: no unit has them in its text."""
    places: dict[int, list[str]] = {}
    of_items = select(PLACES.c.item_id, PLACES.c.place).where(PLACES.c.item_id.in_(ids), PLACES.c.origin.is_not(None))
    for item_id, place in connection.execute(of_items):
        places.setdefault(item_id, []).append(place)
    return places


def write_item_words_under(connection: Connection, root: str) -> None:
    """Write the words of all items at or under a path, whose outermost source is another one now."""
    write_item_words(connection, list(connection.scalars(select(ITEMS.c.id).where(at_or_under(ITEMS.c.path, root)))))


def source_roots(connection: Connection) -> list[str]:
    """Return the paths of all sources."""
    return list(connection.scalars(select(SOURCES.c.root)))


def root_of(path: str, roots: Iterable[str]) -> str:
    """Return the outermost source of an item; folders below it are among the item's names."""
    file = file_of(path)
    above = [root for root in roots if file == root or file.startswith(root.rstrip(os.sep) + os.sep)]
    return min(above, key=len, default=os.path.dirname(file))
