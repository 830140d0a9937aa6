"""What an import writes of added items besides their rows: metadata by which filters find them, stored pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from indexer.adding.attachments import Attachments, save_attachments
from indexer.adding.values import check_types
from indexer.catalog.statements import export_records, item_metadata
from indexer.catalog.statements.added_items import StoredPicture
from indexer.errors import ItemError, TransferError
from indexer.store import Store

_Row = tuple[int, Mapping[str, Any], StoredPicture | None]
"""The id of an imported item, its columns, and its stored picture."""


@dataclass(slots=True)
class AddedItems:
    """The added items of one import.

    Attributes:
        store: The library; its write lock must be held.
        replace: Whether items that the library has already are replaced.
        types: The types of the keys in the metadata of the items to write.
    """

    store: Store
    replace: bool
    types: dict[str, str] = field(default_factory=dict)

    def check(self, connection: Connection, items: Iterable[Mapping[str, Any]]) -> None:
        """Check some items against each other and those before them.

        Raises:
            TransferError: A key in their metadata has values of two types.
        """
        described = [item for item in items if item.get("metadata")]
        existing: set[str] = set()
        if described and not self.replace:
            existing = export_records.existing_paths(connection, [item["path"] for item in described])
        for item in described:
            if item["path"] in existing:
                continue
            types = item_metadata.types_of(item["metadata"])
            try:
                check_types(types, self.types)
            except ItemError as error:
                raise TransferError(f"item {item['path']!r:.200} cannot be used ({error}); export it again") from error
            self.types |= types

    def check_types(self, connection: Connection, items: Iterable[Mapping[str, Any]]) -> None:
        """Check that the library's items, besides those that are replaced, have the types of the export's.

        Args:
            connection: Open connection.
            items: All items of the export; read only if types differ.

        Raises:
            TransferError: A key has values of another type in the library.
        """
        stored = item_metadata.key_types(connection, self.types)
        differing = [key for key, type_ in stored.items() if type_ != self.types[key]]
        users = {path: key for key in differing for path in item_metadata.paths_with(connection, key)}
        if users and self.replace:
            for item in items:
                users.pop(item["path"], None)
        for key in users.values():
            raise TransferError(
                f"the metadata {key!r:.120} is a {self.types[key]} in the export, but a {stored[key]} in this library; "
                "import into another library: recall import FOLDER --library OTHER.recall"
            )

    def save(self, connection: Connection, rows: Sequence[_Row], existing: Collection[str]) -> set[bytes]:
        """Write metadata and pictures, and return the hashes of pictures that no item has any more.

        Args:
            connection: Open connection, in a transaction.
            rows: Added items that were written just now.
            existing: The paths that had an item before.

        Raises:
            OSError: The file of a large picture cannot be written.
        """
        if not rows:
            return set()
        replaced = [id_ for id_, item, _ in rows if item["path"] in existing]
        attachments = [
            Attachments(id_, item["metadata"] or {}, *((picture.kind, picture.data) if picture else ("", None)))
            for id_, item, picture in rows
        ]
        return save_attachments(self.store.picture_folder, connection, attachments, replaced=replaced)
