"""Statements on the keys of the metadata of added items."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Connection, select

from indexer.catalog.filters.metadata import MetadataType
from indexer.catalog.schema import METADATA_KEYS


def metadata_type(connection: Connection, key: str) -> MetadataType | None:
    """Return the type of the values that items have for a key; None if no item has it."""
    type_ = connection.scalar(select(METADATA_KEYS.c.type).where(METADATA_KEYS.c.key == key))
    return cast("MetadataType | None", type_)
