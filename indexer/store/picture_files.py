"""Where the pictures of items are, and whether they may be given to others."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from indexer.catalog.statements.picture_files import PictureFile, picture_file
from indexer.errors import FailureKind, PictureError, StorageError
from indexer.images.file_reader import Limits, read_file
from indexer.images.thumbnail import ThumbnailSize
from indexer.object_path import file_path, is_object
from indexer.storage.item_files import stat_file
from indexer.store.store import Store
from indexer.store.thumbnail_files import thumbnail_files
from indexer.types import Modality, collection_of, file_of, is_below, is_unchanged, row_of

_VERSION = 1
"""To be raised when thumbnails change."""

_CHANGED = "changed"
"""The state of a file that is not what was indexed."""


@dataclass(frozen=True, slots=True)
class Original:
    """The file of an item, or the picture that the library stores of it.

    Attributes:
        name: A name for its file.
        format: File format of a picture when it was indexed, for instance "JPEG"; None if it is not known.
        path: Its file, without links; None if the library stores its bytes, or an object store has it.
        content: Its bytes as the library or the object store has them; None if it is a file.
    """

    name: str
    format: str | None
    path: Path | None
    content: bytes | None


@dataclass(frozen=True, slots=True)
class WebThumbnail:
    """A reduced copy of an item's picture for web pages.

    Attributes:
        tag: Letters and digits that change with the picture and with the size.
        content: An upright WebP without metadata; empty if the caller has this one.
    """

    tag: str
    content: bytes


def original(store: Store, item_id: int) -> Original | None:
    """Return the file of an item, or the picture stored of it; None if there is no such item.

    Raises:
        PictureError: It has neither, its file does not exist any more, or a link leads out of what was indexed.
        StorageError: Its stored picture is missing or damaged, or its object store cannot be used.
    """
    with store.reading() as connection:
        found = picture_file(connection, item_id)
    if found is None:
        return None
    name = os.path.basename(found.picture or found.path.rpartition("\0")[2])
    if found.stored == "original":
        return Original(name, found.format, None, _stored(store, item_id))
    is_added, is_row = collection_of(found.path) is not None, row_of(found.path) is not None
    if is_added or (is_row and found.picture is None):
        raise PictureError(FailureKind.NOT_A_PICTURE, "the library stores no original of this item, and it has no file")
    if is_object(file := file_of(found.path, found.picture)):
        return Original(name, found.format, None, _object(store, file, found.root))
    return Original(name, found.format, Path(_real_path(found)), None)


def web_thumbnail(store: Store, item_id: int, *, size: ThumbnailSize, unless: str | None) -> WebThumbnail | None:
    """Return a reduced copy of an item's picture, made once and kept; None if there is no such item.

    Args:
        store: The library.
        item_id: Its id in the catalog.
        size: For a grid, or to be looked at alone.
        unless: The tag of the copy that the caller has; the content of this one is not read.

    Raises:
        PictureError: It has no picture, the picture cannot be read, or a link out of what was indexed has been put in
            its place.
        StorageError: Its stored picture is missing or damaged.
    """
    with store.reading() as connection:
        found = picture_file(connection, item_id)
    if found is None:
        return None
    if found.modality is not Modality.PHOTO:
        raise PictureError(FailureKind.NOT_A_PICTURE, "it is a text, which has no picture")
    state = _state(found)
    tag = hashlib.sha256(f"{_VERSION} {size} {state}".encode()).hexdigest()[:32]
    if tag == unless:
        return WebThumbnail(tag, b"")
    files = thumbnail_files(store)
    content = files.read(tag)
    if content is None:
        file = file_path(file_of(found.path, found.picture))
        if state.startswith(_CHANGED) and collection_of(found.path) is None and not is_object(file):
            _real_path(found)  # raises if a link out has been put in its place
        content = store.pictures.webp_thumbnail(store.item_pictures.content(item_id, file), size=size)
        files.write(tag, content)
    return WebThumbnail(tag, content)


def _state(found: PictureFile) -> str:
    """Return what identifies the content of a picture.

    A file that is missing counts as it was indexed, so that kept thumbnails of a disk that is away are shown.
    """
    if found.stored_hash is not None:
        return f"stored {found.stored_hash.hex()}"
    file = found.file
    try:
        status = None if file is None else stat_file(file)
    except (OSError, ValueError, StorageError):  # ValueError: a NUL in the name
        status = None
    if status is None or is_unchanged(status, found.size, found.mtime_ns):
        return f"indexed {(found.content_hash or b'').hex()} {found.size} {found.mtime_ns}"
    return f"{_CHANGED} {os.fsencode(file or '').hex()} {status.st_size} {status.st_mtime_ns}"


def _stored(store: Store, item_id: int) -> bytes:
    """Return the bytes of the picture that the library stores of an item."""
    content = store.item_pictures.content(item_id, Path("collection:"))
    return content if isinstance(content, bytes) else b""


def _object(store: Store, url: str, root: str) -> bytes:
    """Return the bytes of the object of an item.

    Raises:
        PictureError: It does not exist, is over the limit, or lies outside of what was indexed.
        StorageError: The object store cannot be used.
    """
    if url != root and not is_below(url, root):
        raise PictureError(FailureKind.OUTSIDE, "it lies outside of what was indexed")
    return read_file(file_path(url), limits=Limits(max_bytes=store.settings.max_bytes))


def _real_path(found: PictureFile) -> str:
    """Return the path of an item's file without links, if it lies in what was indexed.

    Raises:
        PictureError: It does not exist, or a link leads out of its source.
    """
    try:
        real = os.path.realpath(file_of(found.path, found.picture), strict=True)
        base = _base(found)
    except OSError as error:
        raise PictureError(
            FailureKind.UNREADABLE,
            f"the file cannot be opened ({error.strerror}); connect its disk, or index again if it was moved",
        ) from error
    if real != base and not is_below(real, base):
        raise PictureError(
            FailureKind.OUTSIDE,
            "a link leads out of the folder that was indexed; index the folder with the original itself",
        )
    if not os.path.isfile(real):
        raise PictureError(FailureKind.UNREADABLE, "it is not a file any more; index its folder again")
    return real


def _base(found: PictureFile) -> str:
    """Return the folder that an original must lie in, or the file that it must be."""
    if os.path.isdir(found.root):
        return os.path.realpath(found.root)  # the way to the folder may lead over a link
    if found.picture is not None:
        return os.path.realpath(os.path.dirname(found.root))  # a table, next to its pictures
    return found.root
