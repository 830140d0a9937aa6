"""Stored pictures of added items: small ones in the catalog, large ones as files of the library under their hash."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.catalog.statements import added_items
from indexer.catalog.statements.added_items import StoredPicture
from indexer.errors import FailureKind, PictureError, StorageError
from indexer.private_files import install_part, make_private_folder, part_file
from indexer.types import collection_of

if TYPE_CHECKING:
    from PIL import Image

    from indexer.store.database import Catalog

logger = logging.getLogger(__name__)

FOLDER = "pictures"
"""The folder in the library."""

LARGEST_ROW = 256 * 1024
"""Bytes of a picture in the catalog, at most."""


def picture_row(library: Path | None, item_id: int, kind: str, data: bytes) -> dict[str, Any]:
    """Return the row of a picture; a large one is written to its file, before the row is committed.

    Args:
        library: The library's folder; None if the catalog has pictures of all sizes, as in all that follows.
        item_id: The id of its item.
        kind: What it is of the item: "preview" or "original".
        data: Its bytes.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    hash_ = hashlib.sha256(data).digest()
    is_file = library is not None and len(data) > LARGEST_ROW
    if library is not None and is_file:
        path = picture_path(library, hash_)
        if not path.exists() or path.stat().st_size != len(data):
            make_private_folder(path.parent.parent)
            make_private_folder(path.parent)
            with part_file(path) as part:
                part.write_bytes(data)
                install_part(part, path)
    return {"item_id": item_id, "kind": kind, "hash": hash_, "data": None if is_file else data}


def picture_path(library: Path, hash_: bytes) -> Path:
    """Return the path of the file of a large picture."""
    name = hash_.hex()
    return library / FOLDER / name[:2] / name


def picture_bytes(library: Path | None, picture: StoredPicture) -> bytes:
    """Return the bytes of a stored picture.

    Raises:
        StorageError: Its file is missing or damaged.
    """
    if picture.data is not None:
        return picture.data
    if library is None:
        raise StorageError("the stored picture is missing in the catalog; add its item again")
    path = picture_path(library, picture.hash)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"the stored picture {path} cannot be read ({error.strerror}); add its item again"
        ) from error
    if hashlib.sha256(data).digest() != picture.hash:
        raise StorageError(f"the stored picture {path} is damaged; add its item again")
    return data


def delete_files(library: Path | None, hashes: Iterable[bytes]) -> None:
    """Delete the files of pictures that no item has any more."""
    for hash_ in hashes:
        if library is not None:
            picture_path(library, hash_).unlink(missing_ok=True)


def files_in(library: Path | None) -> list[Path]:
    """Return all files in the folder of large pictures; a link is one of them, and not followed."""
    if library is None:
        return []
    folder = library / FOLDER
    if folder.is_symlink():
        return []
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]


class ItemPictures:
    """Opens pictures of one library's items, in the processes that read single pictures."""

    def __init__(self, catalog: Catalog, read: Callable[[Path | bytes], Image.Image]) -> None:
        """Return what opens pictures.

        Args:
            catalog: The library.
            read: Returns the upright RGB picture of a file or its content.
        """
        self._catalog, self._read = catalog, read

    def open(self, item_id: int, path: Path) -> Image.Image:
        """Return the picture of an item: the stored one, else that of its file, upright RGB.

        Raises:
            PictureError: It has none, or it cannot be read.
            StorageError: Its stored picture is missing or damaged.
            LibraryError: The library is closed.
        """
        return self._read(self.content(item_id, path))

    def content(self, item_id: int, path: Path) -> Path | bytes:
        """Return the bytes of the stored picture of an item, or else its file, which is not read.

        Raises:
            PictureError: It has neither.
            StorageError: Its stored picture is missing or damaged.
            LibraryError: The library is closed.
        """
        with self._catalog.reading() as connection:
            stored = added_items.stored_picture(connection, item_id)
        if stored is not None:
            return picture_bytes(self._catalog.picture_folder, stored)
        if collection_of(str(path)) is not None:
            raise PictureError(FailureKind.NOT_A_PICTURE, "no picture of the item is stored, and it has no file")
        return path

    def source(self, item_id: int) -> bytes | None:
        """Return the bytes of the stored picture of an item, None if it has none or its file is damaged."""
        with self._catalog.reading() as connection:
            stored = added_items.stored_picture(connection, item_id)
        try:
            return None if stored is None else picture_bytes(self._catalog.picture_folder, stored)
        except StorageError as error:
            logger.warning("%s", error)
            return None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Return nothing to pickle: what was pickled has no open library."""
        return type(None), ()
