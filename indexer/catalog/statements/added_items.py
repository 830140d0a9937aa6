"""Statements about added items: those of collections, which an app added and no sync reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from indexer.catalog.backend import full_text
from indexer.catalog.constructs import insert_or_replace, streaming
from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.path_prefix import row_range
from indexer.catalog.schema import ITEM_PICTURES, ITEMS, SOURCES, UNITS
from indexer.catalog.statements.items import PAGE_SIZE
from indexer.catalog.statements.listing import item_condition
from indexer.catalog.statements.writes import insert_tuples, next_id
from indexer.types import COLLECTION, Modality, added_path, row_of, utc_now


class AddedRecord(NamedTuple):
    """What is stored of an added item."""

    item_id: int
    id: str
    path: str
    picture: str | None
    modality: str
    content_hash: bytes | None
    uri: str | None
    text: str | None
    metadata: dict[str, Any] | None


class PlainItem(NamedTuple):
    """The columns of a new item without a picture."""

    source_id: int
    path: str
    modality: str
    size: int
    mtime_ns: int
    content_hash: bytes
    indexed_at: datetime
    uri: str | None
    text: str | None
    metadata: dict[str, Any] | None


class StoredPicture(NamedTuple):
    """The stored picture of an added item; without data it is a file of the library, named by its hash."""

    kind: str
    hash: bytes
    data: bytes | None


_PICTURES = 16
"""Pictures that are read together: each has up to a quarter of a megabyte in its row."""

_COLUMNS = tuple(ITEMS.c[name] for name in AddedRecord._fields[2:])


_COLLECTION_NAMES = select(SOURCES.c.collection).where(SOURCES.c.collection.is_not(None)).order_by(SOURCES.c.collection)


def collection_id(connection: Connection, name: str) -> int:
    """Return the id of a collection's source, which is made if there is none."""
    id_: int | None = connection.scalar(select(SOURCES.c.id).where(SOURCES.c.root == f"{COLLECTION}{name}"))
    if id_ is not None:
        return id_
    values: dict[str, Any] = {"root": f"{COLLECTION}{name}", "collection": name, "exclude": [], "include_hidden": False}
    values["added_at"] = utc_now()
    new: int = connection.scalars(insert(SOURCES).values(values).returning(SOURCES.c.id)).one()
    return new


def collection_names(connection: Connection) -> list[str]:
    """Return the names of all collections, in order."""
    return list(connection.scalars(_COLLECTION_NAMES))


def find_added(connection: Connection, collection: str, ids: Sequence[str]) -> dict[str, AddedRecord]:
    """Return the items of a collection by id, leaving out those that it does not have."""
    records: dict[str, AddedRecord] = {}
    paths = [added_path(collection, id_) for id_ in ids]
    for start in range(0, len(paths), PAGE_SIZE):
        page = ITEMS.c.path.in_(paths[start : start + PAGE_SIZE])
        for row in connection.execute(select(ITEMS.c.id, *_COLUMNS).where(page)):
            id_ = row_of(row[1]) or ""
            records[id_] = AddedRecord(row[0], id_, *row[1:])
    return records


def find_by_id(connection: Connection, ids: Sequence[str], collection: str | None) -> dict[str, list[AddedRecord]]:
    """Return the items with each id, of one collection or of all that have it; unknown ids are left out."""
    found: dict[str, list[AddedRecord]] = {}
    for name in [collection] if collection is not None else collection_names(connection):
        for id_, record in find_added(connection, name, ids).items():
            found.setdefault(id_, []).append(record)
    return found


def pages_of_added(connection: Connection, where: Filter | None, collection: str | None) -> Iterator[list[int]]:
    """Yield the ids in the catalog of added items that pass a filter, of one collection or of all, in pages."""
    of_all = (COLLECTION, f"{COLLECTION[:-1]};")  # ; follows : in ASCII
    start, end = of_all if collection is None else row_range(f"{COLLECTION}{collection}")
    statement = select(ITEMS.c.id).where(ITEMS.c.path > start, ITEMS.c.path < end).order_by(ITEMS.c.id)
    if where is not None:
        statement = statement.where(item_condition(where))
    last = 0
    while page := list(connection.scalars(statement.where(ITEMS.c.id > last).limit(PAGE_SIZE))):
        yield page
        last = page[-1]


def insert_plain(connection: Connection, rows: Sequence[PlainItem]) -> list[int]:
    """Insert new items without pictures, and return their ids in the catalog. Their ids are no words of a name."""
    if not rows:
        return []
    first = next_id(connection, ITEMS)
    ids = list(range(first, first + len(rows)))
    tuples = [(id_, *row) for id_, row in zip(ids, rows, strict=True)]
    insert_tuples(connection, ITEMS, ("id", *PlainItem._fields), tuples)
    return ids


def update_columns(connection: Connection, item_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of an item."""
    connection.execute(update(ITEMS).where(ITEMS.c.id == item_id).values(dict(values)))


def delete_text_units(connection: Connection, item_id: int) -> None:
    """Delete the text units of an item."""
    connection.execute(delete(UNITS).where(UNITS.c.item_id == item_id, UNITS.c.kind == Modality.TEXT))


def remove_unit_text(connection: Connection, item_id: int, text: str) -> None:
    """Remove the text of an item from what its photo's unit has for full-text search, besides labels."""
    photo = (UNITS.c.item_id == item_id, UNITS.c.kind == Modality.PHOTO)
    stored = connection.scalar(select(UNITS.c.text).where(*photo))
    if stored is not None and stored.endswith(text):
        rest = stored.removesuffix(text).rstrip("\n") or None
        connection.execute(update(UNITS).where(*photo).values(text=rest))
        full_text(connection).renew_unit_words(connection, [item_id])


def save_pictures(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store pictures of items, in place of those that they have; each row has the columns of `ITEM_PICTURES`."""
    if rows:
        connection.execute(insert_or_replace(connection, ITEM_PICTURES, ("item_id",)), list(rows))


def delete_pictures(connection: Connection, item_ids: Sequence[int]) -> None:
    """Delete the stored pictures of items."""
    for start in range(0, len(item_ids), PAGE_SIZE):
        page = ITEM_PICTURES.c.item_id.in_(item_ids[start : start + PAGE_SIZE])
        connection.execute(delete(ITEM_PICTURES).where(page))


def large_pictures(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Yield the path of each item whose stored picture is a file of the library, and the picture's hash."""
    statement = select(ITEMS.c.path, ITEM_PICTURES.c.hash).join_from(ITEM_PICTURES, ITEMS)
    for page in connection.execute(
        statement.where(ITEM_PICTURES.c.data.is_(None)), execution_options=streaming(connection)
    ).partitions(PAGE_SIZE):
        yield from map(tuple, page)


def count_by_collection(connection: Connection) -> dict[str, int]:
    """Return how many items each collection has, by name; those without items are left out."""
    of_source = select(func.count()).where(ITEMS.c.source_id == SOURCES.c.id).scalar_subquery()
    statement = select(SOURCES.c.collection, of_source.label("items")).where(SOURCES.c.collection.is_not(None))
    rows = connection.execute(statement.order_by(SOURCES.c.collection)).all()
    return {row.collection: row.items for row in rows if row.items}


def picture_files(connection: Connection, item_ids: Sequence[int]) -> set[bytes]:
    """Return the hashes of the pictures of items that are files of the library."""
    hashes: set[bytes] = set()
    for start in range(0, len(item_ids), PAGE_SIZE):
        page = ITEM_PICTURES.c.item_id.in_(item_ids[start : start + PAGE_SIZE])
        statement = select(ITEM_PICTURES.c.hash).where(page, ITEM_PICTURES.c.data.is_(None))
        hashes.update(connection.scalars(statement))
    return hashes


def unused_hashes(connection: Connection, hashes: set[bytes]) -> set[bytes]:
    """Return the hashes of pictures that no item has any more."""
    used = {
        hash_
        for hash_ in hashes
        if connection.scalar(select(ITEM_PICTURES.c.item_id).where(ITEM_PICTURES.c.hash == hash_).limit(1))
    }
    return hashes - used


def stored_pictures(connection: Connection) -> Iterator[tuple[int, StoredPicture]]:
    """Yield all stored pictures with the ids of their items in the catalog, ordered by these."""
    columns = (ITEM_PICTURES.c.item_id, ITEM_PICTURES.c.kind, ITEM_PICTURES.c.hash, ITEM_PICTURES.c.data)
    statement = select(*columns).order_by(ITEM_PICTURES.c.item_id)
    for page in connection.execute(statement, execution_options=streaming(connection, _PICTURES)).partitions(_PICTURES):
        for item_id, *picture in page:
            yield item_id, StoredPicture(*picture)


def stored_picture(connection: Connection, item_id: int) -> StoredPicture | None:
    """Return the stored picture of an item, or None if it has none."""
    columns = (ITEM_PICTURES.c.kind, ITEM_PICTURES.c.hash, ITEM_PICTURES.c.data)
    row = connection.execute(select(*columns).where(ITEM_PICTURES.c.item_id == item_id)).first()
    return None if row is None else StoredPicture(*row)
