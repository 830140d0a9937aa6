"""Statements that find places of the library by the names that people use."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, exists, select

from indexer.catalog.schema import PEOPLE, PLACE_NAMES, PLACES


def places_named(connection: Connection, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the places of photos that have one of some names, also in other languages, by the name.

    All are as `text_key` returns them.

    Args:
        connection: Open connection.
        keys: The names.
    """
    places = {key: [key] for key in connection.scalars(select(PLACES.c.key).where(PLACES.c.key.in_(keys)).distinct())}
    has_photos = exists().where(PLACES.c.key == PLACE_NAMES.c.place)
    others = select(PLACE_NAMES.c.key, PLACE_NAMES.c.place).where(PLACE_NAMES.c.key.in_(keys), has_photos)
    for key, place in connection.execute(others):
        places.setdefault(key, []).append(place)
    return {key: tuple(dict.fromkeys(found)) for key, found in places.items()}


def people_named(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return which of some names are those of people in photos; as `text_key` returns them."""
    return set(connection.scalars(select(PEOPLE.c.key).where(PEOPLE.c.key.in_(keys)).distinct()))
