"""What belongs to added items besides their rows: metadata by which filters find them, and stored pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from indexer.catalog.statements import added_items, item_metadata
from indexer.catalog.statements.item_metadata import Metadata
from indexer.store.stored_pictures import picture_row


class Attachments(NamedTuple):
    """What belongs to one item.

    Attributes:
        item_id: The item.
        metadata: Its metadata; empty without any.
        kind: What its picture is, "original" or "preview".
        picture: The bytes of its stored picture, None for none.
    """

    item_id: int
    metadata: Metadata
    kind: str
    picture: bytes | None


def save_attachments(
    library: Path | None, connection: Connection, rows: Sequence[Attachments], *, replaced: Sequence[int]
) -> set[bytes]:
    """Write what belongs to items, and return the hashes of picture files that no item has any more.

    Args:
        library: The folder for files of large pictures; None if the catalog has them.
        connection: Open connection, in a transaction.
        rows: What belongs to each item that was written.
        replaced: Those of the items that existed before.

    Raises:
        OSError: The file of a large picture cannot be written.
    """
    files = added_items.picture_files(connection, replaced)
    item_metadata.delete_values(connection, replaced)
    added_items.delete_pictures(connection, replaced)
    item_metadata.save_values(connection, [(row.item_id, row.metadata) for row in rows if row.metadata])
    types: dict[str, str] = {}
    for row in rows:
        types |= item_metadata.types_of(row.metadata)
    item_metadata.save_key_types(connection, types)
    pictures = [(row, row.picture) for row in rows if row.picture is not None]
    added_items.save_pictures(
        connection, [picture_row(library, row.item_id, row.kind, picture) for row, picture in pictures]
    )
    return added_items.unused_hashes(connection, files)
