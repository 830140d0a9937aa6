"""Statements that find places of the library by the names that people use."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from indexer.catalog.schema import PEOPLE, PLACES


def places_named(connection: Connection, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the places of photos that have one of some names, by the name; as `text_key` returns them.

    Args:
        connection: Open connection.
        keys: The names.
    """
    found = connection.scalars(select(PLACES.c.key).where(PLACES.c.key.in_(keys)).distinct())
    return {key: (key,) for key in found}


def people_named(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return which of some names are those of people in photos; as `text_key` returns them."""
    return set(connection.scalars(select(PEOPLE.c.key).where(PEOPLE.c.key.in_(keys)).distinct()))
