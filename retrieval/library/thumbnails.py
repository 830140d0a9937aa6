"""Methods of `Library` that give pictures: reduced copies, and originals."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from indexer.catalog.statements.item import Item
from indexer.errors import QueryError
from retrieval.library.base import BaseLibrary
from retrieval.search.hits import Hit

if TYPE_CHECKING:
    from indexer.images.thumbnail import ThumbnailSize
    from indexer.store.picture_files import Original, WebThumbnail


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


def web_thumbnail(
    self: BaseLibrary, item_id: int, *, size: ThumbnailSize = "small", unless: str | None = None
) -> WebThumbnail | None:
    """Return a reduced copy of a photo for web pages, an upright WebP without metadata; None if there is no such item.

    It is made once and kept in the library's folder `thumbnails`, for a library opened with `read_only=True` in the
    cache folder: up to 4 GB, of which those that were not used for the longest time are deleted.

    Args:
        item_id: `Item.item_id` or `Hit.item_id`.
        size: "small" for a grid: 320 pixels on the shorter side; "large": 1440 pixels on the longer side. A smaller
            picture is not enlarged.
        unless: `WebThumbnail.tag` of the copy that the caller has; if it is still the right one, the content is empty.

    Raises:
        PictureError: It is a text, it has no picture, or the photo's file cannot be read.
        QueryError: There is no such size.
    """
    from indexer.images.thumbnail import ThumbnailSize  # late: searching needs nothing that decodes
    from indexer.store import picture_files

    if size not in get_args(ThumbnailSize):
        raise QueryError(f"there is no thumbnail size {size!r:.60}; expected small or large")
    return picture_files.web_thumbnail(self._store, item_id, size=size, unless=unless)


def original(self: BaseLibrary, item_id: int) -> Original | None:
    """Return the file of an item, or the picture that the library stores of it; None if there is no such item.

    Use it to give the file to others: only a file that lies in the folder that was indexed is returned, also if links
    have been placed there since. For a row of a table it is its picture.

    Args:
        item_id: `Item.item_id` or `Hit.item_id`.

    Raises:
        PictureError: There is no original, its file does not exist any more, or a link leads out of what was indexed.
        StorageError: The stored picture is missing or damaged.
    """
    from indexer.store import picture_files  # late, see above

    return picture_files.original(self._store, item_id)
