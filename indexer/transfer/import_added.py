"""What an import writes of added items besides their rows: metadata by which filters find them, stored pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from indexer.adding.values import check_types
from indexer.catalog.statements import added_items, export_records, item_metadata
from indexer.catalog.statements.added_items import StoredPicture
from indexer.errors import ItemError, TransferError
from indexer.store import Store
from indexer.store.stored_pictures import picture_row

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
        files = added_items.picture_files(connection, replaced)
        item_metadata.delete_values(connection, replaced)
        added_items.delete_pictures(connection, replaced)
        item_metadata.save_values(connection, [(id_, item["metadata"]) for id_, item, _ in rows if item["metadata"]])
        types: dict[str, str] = {}
        for _, item, _ in rows:
            types |= item_metadata.types_of(item["metadata"] or {})
        item_metadata.save_key_types(connection, types)
        pictures = [(id_, picture) for id_, _, picture in rows if picture is not None and picture.data is not None]
        added_items.save_pictures(
            connection,
            [picture_row(self.store.path, id_, picture.kind, picture.data or b"") for id_, picture in pictures],
        )
        return added_items.unused_hashes(connection, files)
