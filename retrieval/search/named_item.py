"""The item that a user names: by a hit, by its file, or by the id of an added item."""

from __future__ import annotations

import os
from typing import TypeAlias

from sqlalchemy import Connection

from indexer.catalog.statements import added_items, items, sources
from indexer.catalog.statements.item import Item
from indexer.catalog.statements.items import PhotoEmbedding
from indexer.errors import QueryError
from indexer.object_path import file_path, is_object
from indexer.store import Store
from indexer.types import added_path, collection_of, item_id, paths_of_id
from retrieval.query.embed import find_photo
from retrieval.search.hits import Hit

NamedItem: TypeAlias = "Hit | Item | str | os.PathLike[str]"
"""A hit or an item, the path of a file, or the id of an added item."""


def catalog_path(connection: Connection, name: NamedItem) -> str:
    """Return the path in the catalog of a named item; of a file that the catalog does not have, its absolute path.

    A name that a file has is the file's, a URL that the catalog has is the object's. Another one is the id of an added
    item if there is one.

    Raises:
        QueryError: Several collections have an item with this id.
    """
    if isinstance(name, Hit | Item):
        if name.collection is not None:
            return added_path(name.collection, name.id)
        known = (path for path in paths_of_id(name.id) if items.item_state(connection, path) is not None)
        return next(known, str(name.path))
    file = sources.canonical_path(connection, name)
    is_file = not is_object(file) and os.path.lexists(file)
    if is_file or items.item_state(connection, file) is not None:
        return file
    id_ = os.fspath(name)
    paths = [record.path for record in added_items.find_by_id(connection, [id_], None).get(id_, [])]
    if len(paths) > 1:
        raise QueryError(
            f"the collections {', '.join(collection_of(path) or '' for path in paths)} each have an item {id_!r:.120}; "
            "give one of them as an Item of Library.get"
        )
    return paths[0] if paths else file


def find_named_photo(store: Store, name: NamedItem) -> tuple[PhotoEmbedding | None, bool]:
    """Return the embedding of a named photo, if it is in the library, and whether it is up to date.

    Raises:
        QueryError: The item has no photo in the library, or several collections have an item with this id.
    """
    encoder = store.encoder
    with store.reading() as connection:
        path = catalog_path(connection, name)
        photo = items.embedding_of_path(connection, path, encoder.id) if encoder else None
    if collection_of(path) is None and not isinstance(name, Hit | Item):
        return find_photo(store, file_path(path))
    if photo is None:
        raise QueryError(f"the item {item_id(path)!r:.120} has no picture in the library; search for its text instead")
    return photo, True
