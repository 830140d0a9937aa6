"""The method of `Library` that makes reduced copies of pictures."""

from __future__ import annotations

from indexer.catalog.statements.item import Item
from retrieval.library.base import BaseLibrary
from retrieval.search.hits import Hit


def thumbnail(self: BaseLibrary, item: Item | Hit, *, side: int = 512) -> bytes:
    """Return a reduced copy of a photo: an upright JPEG without metadata.

    Args:
        item: A photo, as `list`, `get` or a search returns it.
        side: Pixels of the longer side, at most.

    Raises:
        PictureError: It has no picture, or the photo's file cannot be read.
    """
    content = self._store.item_pictures.content(item.item_id, item.path)
    return self._store.pictures.small_thumbnail(content, side=side)
