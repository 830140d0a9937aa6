"""The words of items' names follow the items: saved, moved, copied, deleted, and in nested sources."""

from __future__ import annotations

from sqlalchemy import Connection, select

from indexer.catalog.schema import ITEM_WORDS, ITEMS
from indexer.catalog.statements import sources, writes
from indexer.catalog.statements.copies import copy_items
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from tests.support.catalog import NOON, add_source, item_row, save_embedded, save_items


def stored_words(connection: Connection) -> dict[str, str]:
    """Return the words of each item, by its path."""
    statement = select(ITEMS.c.path, ITEM_WORDS.c.words).join_from(ITEM_WORDS, ITEMS, ITEMS.c.id == ITEM_WORDS.c.rowid)
    return {row.path: " ".join(row.words.split()) for row in connection.execute(statement)}


def test_an_item_has_the_words_of_file_folders_camera_and_lens(connection: Connection, source: Source) -> None:
    save_items(connection, source, "/photos/Rome/IMG_1234.jpg", camera="Canon EOS", lens="EF 50mm")
    assert stored_words(connection) == {
        "/photos/Rome/IMG_1234.jpg": "img 1234 img1234 jpg rome canon eos canoneos ef 50mm 50 mm ef50mm"
    }


def test_an_item_that_is_replaced_or_moved_has_its_new_words_only(connection: Connection, source: Source) -> None:
    (item,) = save_items(connection, source, "/photos/a.jpg", camera="Canon")
    save_items(connection, source, "/photos/a.jpg", camera="Nikon")
    assert stored_words(connection) == {"/photos/a.jpg": "a jpg nikon"}
    moved = {"key": item, "path": "/photos/sea/b.jpg", "size": 1, "mtime_ns": 1, "source_id": source.id}
    writes.update_file_stats(connection, [moved | {"fallback_date": (NOON, "file")}])
    assert stored_words(connection) == {"/photos/sea/b.jpg": "b jpg sea nikon"}


def test_new_metadata_replaces_the_words_of_the_old(connection: Connection, source: Source) -> None:
    (item,) = save_items(connection, source, "/photos/a.jpg", camera="Canon")
    labels = {"tags": ["SummerTrip"], "people": [], "places": [], "unread_sidecars": [], "searchable": "SummerTrip"}
    writes.update_metadata(connection, [{"key": item, "camera": "Nikon", **labels}], [item])
    assert stored_words(connection) == {"/photos/a.jpg": "a jpg nikon summer trip"}


def test_a_copy_has_its_own_name_and_the_metadata_of_its_original(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    save_embedded(connection, source, encoder, 1, camera="Canon")
    columns = item_row(source, "/photos/copies/b.jpg", fallback_date=(NOON, "file"))
    copy_items(connection, [(1, columns)])
    assert stored_words(connection)["/photos/copies/b.jpg"] == "b jpg copies canon"


def test_deleted_items_and_sources_leave_no_words(connection: Connection, source: Source) -> None:
    first, _ = save_items(connection, source, "/photos/a.jpg", "/photos/b.jpg")
    writes.delete_items(connection, [first])
    assert list(stored_words(connection)) == ["/photos/b.jpg"]
    sources.delete_under(connection, "/photos", limit=10)
    assert connection.execute(select(ITEM_WORDS.c.rowid)).all() == []


def test_folders_are_those_below_the_outermost_source(connection: Connection) -> None:
    inner = add_source(connection, "/photos/Rome")
    save_items(connection, inner, "/photos/Rome/a.jpg")
    assert stored_words(connection) == {"/photos/Rome/a.jpg": "a jpg"}
    outer = add_source(connection, "/photos")
    assert stored_words(connection) == {"/photos/Rome/a.jpg": "a jpg rome"}
    save_items(connection, outer, "/photos/Oslo/b.jpg")
    nested = add_source(connection, "/photos/Oslo", enclosing=outer)
    save_items(connection, nested, "/photos/Oslo/c.jpg")
    assert stored_words(connection)["/photos/Oslo/b.jpg"] == "b jpg oslo"
    assert stored_words(connection)["/photos/Oslo/c.jpg"] == "c jpg oslo"
