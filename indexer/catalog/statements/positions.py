"""Statements that give photos the names of the places where they were taken, by their positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, insert, select

from indexer.catalog.constructs import insert_new
from indexer.catalog.schema import ITEMS, META, PLACE_NAMES, PLACES
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.text_key import text_key
from indexer.places.gazetteer import VERSION, Place, load, places_at

_KEY = "gazetteer"


def write_positions(connection: Connection, ids: Sequence[int]) -> None:
    """Write the places of items with a position, and the other names of these places.

    A place that the metadata of an item names stays as it is there.
    """
    for start in range(0, len(ids), PAGE_SIZE):
        page = ids[start : start + PAGE_SIZE]
        columns = (ITEMS.c.id, ITEMS.c.latitude, ITEMS.c.longitude)
        of_items = select(*columns).where(
            ITEMS.c.id.in_(page), ITEMS.c.latitude.is_not(None), ITEMS.c.longitude.is_not(None)
        )
        found = {row.id: places_at(row.latitude, row.longitude) for row in connection.execute(of_items)}
        rows = [
            {"item_id": id_, "place": place.name, "key": text_key(place.name), "origin": place.kind}
            for id_, places in found.items()
            for place in places
        ]
        if rows:
            connection.execute(insert_new(connection, PLACES), rows)
            _write_names(connection, {place for places in found.values() for place in places})


def _write_names(connection: Connection, places: set[Place]) -> None:
    rows = [
        {"key": key, "place": text_key(place.name)}
        for place in places
        for key in dict.fromkeys(map(text_key, place.others))
        if key != text_key(place.name)
    ]
    if rows:
        connection.execute(insert_new(connection, PLACE_NAMES), rows)


def must_name_positions(connection: Connection) -> bool:
    """Return whether the library's photos have no places by this version of the gazetteer yet."""
    return connection.scalar(select(META.c.value).where(META.c.key == _KEY)) != VERSION


def has_gazetteer() -> bool:
    """Return whether the gazetteer can be read."""
    return load() is not None


def pages_with_positions(connection: Connection) -> Iterator[list[int]]:
    """Yield the ids of all items with a position, in pages."""
    last = 0
    of_page = select(ITEMS.c.id).where(ITEMS.c.latitude.is_not(None)).order_by(ITEMS.c.id).limit(PAGE_SIZE)
    while page := list(connection.scalars(of_page.where(ITEMS.c.id > last))):
        yield page
        last = page[-1]


def forget_positions(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the places of items that another version of the gazetteer found."""
    connection.execute(delete(PLACES).where(PLACES.c.item_id.in_(ids), PLACES.c.origin.is_not(None)))


def save_gazetteer_version(connection: Connection) -> None:
    """Store that the library's photos have their places by this version of the gazetteer."""
    connection.execute(delete(META).where(META.c.key == _KEY))
    connection.execute(insert(META).values(key=_KEY, value=VERSION))
