"""Added items in an export: checks of their names and values, and `pictures.parquet` with their stored pictures.

What a file says is not trusted: the name of a collection, an id and metadata must be such as an app can add.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary

from indexer.adding.inputs import check_collection
from indexer.adding.values import check_id, check_metadata, check_text
from indexer.catalog.schema import ITEM_PICTURES
from indexer.catalog.statements import added_items
from indexer.catalog.statements.added_items import StoredPicture
from indexer.catalog.statements.export_records import Record
from indexer.errors import AddError, ItemError, StorageError, TransferError
from indexer.store.stored_pictures import picture_bytes
from indexer.transfer.parquet import Layout, TableWriter, read_rows
from indexer.transfer.path_mapping import PathMapping, validate_path
from indexer.transfer.report import ExportReport
from indexer.types import COLLECTION, collection_of

logger = logging.getLogger(__name__)

PICTURES_FILE = "pictures.parquet"

OF_ADDED_ITEMS = ("uri", "text", "metadata")
"""Columns that only added items have a value of."""

_LAYOUT = Layout(
    [
        *(ITEM_PICTURES.c[name] for name in ("item_id", "kind", "hash")),
        Column("data", LargeBinary, nullable=False),
    ],
    vectors={},
    large=["data"],
)
"""Columns of `pictures.parquet`; a picture that is a file of the library is in `data`, too."""

_ROW_GROUP = 1000
"""Pictures in a row group, at most; `parquet.ROW_GROUP_BYTES` ends it before."""

_KINDS = ("original", "preview")


def is_added(item: Mapping[str, Any]) -> bool:
    """Return whether an item of an export was added by an app, as its path says."""
    return collection_of(item["path"]) is not None


def checked_path(path: str, owner: str, mapping: PathMapping) -> str:
    """Return the path in the catalog of any item, translated to this machine.

    Args:
        path: The path, from a file that anyone may have written.
        owner: What has this path, for the message.
        mapping: Translates paths of files.

    Raises:
        TransferError: It is neither the path of a file or row nor that of an added item.
    """
    collection = collection_of(path)
    if collection is None:
        return validate_path(mapping.translate(path), owner, may_be_row=True)
    try:
        check_collection(collection)
        check_id(path.partition("\0")[2])
    except (AddError, ItemError) as error:
        raise TransferError(f"{owner} {path!r:.200} cannot be used ({error}); export it again") from error
    return path


def checked_collection(source: Record) -> Record:
    """Return the source of a collection as this library stores it.

    Raises:
        TransferError: It is not such as `Library.add` makes.
    """
    try:
        name = check_collection(source["collection"])
    except AddError as error:
        raise TransferError(f"the export has a collection that cannot be used ({error}); export it again") from error
    if source["root"] != f"{COLLECTION}{name}":
        raise TransferError(f"the collection {name!r} has the path {source['root']!r:.200}; export it again")
    return source | {"exclude": [], "include_hidden": False, "synced_at": None, "columns": None, "mounts": None}


def checked_item(item: Record, mapping: PathMapping) -> Record:
    """Return an added item as this library stores it; a picture's file that no path here can name is left out.

    Raises:
        TransferError: It has a value that no app can add.
    """
    path = checked_path(item["path"], "item", mapping)
    try:
        values = {
            "text": check_text("text", item["text"]),
            "uri": check_text("URI", item["uri"]),
            "metadata": check_metadata(item["metadata"]) or None,
        }
    except ItemError as error:
        raise TransferError(f"item {path!r:.200} cannot be used ({error}); export it again") from error
    if item["failure"] is not None:
        raise TransferError(f"item {path!r:.200} is added and has failed; expected one or the other; export it again")
    picture = None if item["picture"] is None else mapping.translate(item["picture"])
    if picture is not None:
        picture = validate_path(picture, "picture") if os.path.isabs(picture) else None
    return item | values | {"path": path, "picture": picture}


def write_pictures(library: Path | None, connection: Connection, folder: Path, report: ExportReport) -> dict[str, int]:
    """Write the stored pictures, if there are any, and return the number of rows by file.

    Those whose file in the library is missing or damaged are left out and counted in the report.
    """
    damaged = 0

    def rows() -> Iterator[Record]:
        nonlocal damaged
        for item_id, picture in added_items.stored_pictures(connection):
            try:
                data = picture_bytes(library, picture)
            except StorageError as error:
                logger.warning("%s", error)
                damaged += 1
                continue
            yield {"item_id": item_id, "kind": picture.kind, "hash": picture.hash, "data": data}

    pictures = rows()
    first = next(pictures, None)
    counts = {}
    if first is not None:
        with TableWriter(folder / PICTURES_FILE, _LAYOUT, row_group=_ROW_GROUP) as writer:
            writer.add(first)
            for row in pictures:
                writer.add(row)
        counts = {PICTURES_FILE: writer.rows}
    if damaged:
        report.left_out["missing or damaged stored pictures"] = damaged
    return counts


class PictureReader:
    """Reads `pictures.parquet` in step with the items: each call goes on where the last one ended."""

    def __init__(self, file: Path | None) -> None:
        """Return a reader.

        Args:
            file: The file; None if the export has none.
        """
        self._file = file
        self._rows = iter(()) if file is None else read_rows(file, _LAYOUT, batch_size=1)
        self._next = next(self._rows, None)

    def of_item(self, id_: int, item: Mapping[str, Any]) -> dict[str, StoredPicture]:
        """Return the stored picture of an item under the key "stored_picture"; nothing if it has none.

        Args:
            id_: The item's id in the export; ids ascend from call to call.
            item: The item.

        Raises:
            TransferError: The picture is not one that this item can have, or is damaged.
        """
        row = self._next
        if row is None or row["item_id"] != id_:
            return {}
        self._next = next(self._rows, None)
        if not is_added(item) or row["kind"] not in _KINDS:
            raise self._error(f"has a picture of kind {row['kind']!r:.50} of item {id_}, which cannot have it")
        if hashlib.sha256(row["data"]).digest() != row["hash"]:
            raise self._error(f"has a picture of item {id_} whose hash differs")
        return {"stored_picture": StoredPicture(row["kind"], row["hash"], row["data"])}

    def check_end(self) -> None:
        """Raise if there are pictures left, after all items.

        Raises:
            TransferError: There are: the file is not sorted, has two pictures of an item, or one of a missing item.
        """
        if self._next is not None:
            raise self._error(f"has a picture of item {self._next['item_id']}, which is missing or has another one")

    def _error(self, reason: str) -> TransferError:
        return TransferError(f"{self._file} {reason}; export it again")
