"""Items in the catalog: paths that are bytes, long listings, copies, failures."""

from __future__ import annotations

import os
import re
from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.catalog.statements import counts, encoders, sync_state, writes
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.catalog.statements.sync_state import FileRecord
from indexer.types import Preprocess
from tests.support.catalog import NO_TEXT, NOON, add, count, known_paths, row, save
from tests.support.vectors import HALVES


def test_paths_that_are_no_text_come_back_as_they_were(connection: Connection, source: Source) -> None:
    save(connection, source, NO_TEXT, "/photos/\U0001f600\n.jpg")
    assert known_paths(connection, "/photos") == [NO_TEXT, "/photos/\U0001f600\n.jpg"]
    stored = connection.exec_driver_sql("SELECT path FROM items ORDER BY path").scalars().all()
    assert stored[0] == b"/photos/caf\xe9/\xff\xfe.jpg"


def test_known_files_come_in_the_byte_order_of_paths(connection: Connection, source: Source) -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30, then the bytes of U+FFFD (0xef..) and 0xff
    names = ["a-b", "a.b", "a/b", "a0", "\ufffd", "\udcff"]
    save(connection, source, *(f"/photos/{name}" for name in reversed(names)))
    assert known_paths(connection, "/photos") == [f"/photos/{name}" for name in names]


def test_a_folder_is_not_its_siblings_with_a_longer_name(connection: Connection, source: Source) -> None:
    save(
        connection, source, "/p/dir", "/p/dir!", "/p/dir/a", "/p/dir/b/c", "/p/dir0", "/p/dir2/d", "/p/dir.jpg", "/p/d"
    )
    assert known_paths(connection, "/p/dir") == ["/p/dir", "/p/dir/a", "/p/dir/b/c"]
    assert known_paths(connection, "/p/dir/a") == ["/p/dir/a"]
    assert known_paths(connection, "/p/dir/..") == []  # paths are compared, not resolved: the caller resolves them
    assert counts.count_items(connection, "/p/dir") == (3, 0)


def test_everything_lies_under_the_root_of_the_disk(connection: Connection, source: Source) -> None:
    save(connection, source, "/a", "/b/c", "/\udcff", "/0", "/ ")
    assert known_paths(connection, "/") == ["/ ", "/0", "/a", "/b/c", "/\udcff"]
    assert counts.count_items(connection, "/") == (5, 0)


def test_a_folder_with_a_name_that_is_no_text_holds_its_files(connection: Connection, source: Source) -> None:
    save(connection, source, NO_TEXT, "/photos/caf\ufffd/x.jpg")
    assert known_paths(connection, os.fsdecode(b"/photos/caf\xe9")) == [NO_TEXT]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 6, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_a_listing_longer_than_a_page_is_whole(connection: Connection, source: Source, n: int) -> None:
    save(connection, source, *(f"/photos/{number}" for number in range(n)), "/other", "/photosz")
    assert known_paths(connection, "/photos") == [f"/photos/{number}" for number in range(n)]


@pytest.mark.usefixtures("pages_of_three")
def test_a_listing_may_be_written_to_while_it_is_read(connection: Connection, source: Source) -> None:
    save(connection, source, *(f"/photos/{number}" for number in range(8)))
    seen = []
    for item in sync_state.file_records(connection, "/photos"):
        writes.delete_items(connection, [item.id])
        seen.append(item.path)
    assert seen == [f"/photos/{number}" for number in range(8)]
    assert count(connection, ITEMS) == 0


def test_items_are_known_with_their_facts(connection: Connection, source: Source) -> None:
    one, two = save(connection, source, "/photos/a", "/photos/b", size=7, mtime_ns=2**60)
    writes.save_items(connection, [row(source, "/photos/b", failure="damaged", failure_message="cut off")])
    assert list(sync_state.file_records(connection, "/photos")) == [
        FileRecord(one, "/photos/a", 7, 2**60, None),
        FileRecord(two, "/photos/b", 1, 1, "damaged"),
    ]


def test_saving_gives_ids_in_the_order_of_the_rows_whether_old_or_new(connection: Connection, source: Source) -> None:
    b, d = save(connection, source, "/photos/b", "/photos/d")
    again = save(connection, source, "/photos/d", "/photos/c", "/photos/b", "/photos/a")
    assert (again[0], again[2]) == (d, b)
    by_path = {item.path: item.id for item in sync_state.file_records(connection, "/photos")}
    assert again == [by_path[f"/photos/{name}"] for name in "dcba"]
    assert writes.save_items(connection, []) == []


def test_a_replaced_item_keeps_its_id_and_loses_its_units(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    kept, replaced = save(connection, source, "/photos/a", "/photos/b")
    writes.add_embeddings(connection, [kept, replaced], encoder.id, HALVES[:2])
    assert save(connection, source, "/photos/b", size=9) == [replaced]
    assert connection.scalars(select(UNITS.c.item_id)).all() == [kept]
    assert count(connection, EMBEDDINGS) == 1
    assert [item.size for item in sync_state.file_records(connection, "/photos")] == [1, 9]


def test_removed_items_take_their_units_and_embeddings_with_them(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    items = save(connection, source, "/photos/a", "/photos/b", "/photos/c")
    writes.add_embeddings(connection, items, encoder.id, HALVES[:3])
    writes.delete_items(connection, items[:2])
    writes.delete_items(connection, [])
    assert [count(connection, table) for table in (ITEMS, UNITS, EMBEDDINGS)] == [1, 1, 1]


def test_two_items_never_have_one_path(connection: Connection, source: Source) -> None:
    one, two = save(connection, source, "/photos/a", "/photos/b")
    with pytest.raises(IntegrityError, match=re.escape("items.path")):
        writes.update_file_stats(connection, [{"key": two, "path": "/photos/a", "file_time": NOON}])
    assert one != two


def test_a_moved_item_gets_its_new_place_and_keeps_the_rest(connection: Connection, source: Source) -> None:
    other = add(connection, "/other")
    (item,) = save(connection, source, "/photos/a", content_hash=b"h", camera="Recall One")
    place = {"path": "/other/b", "size": 2, "mtime_ns": 3, "source_id": other.id}
    writes.update_file_stats(connection, [{"key": item, "file_time": NOON, **place}])
    stored = connection.execute(
        select(ITEMS.c.source_id, ITEMS.c.content_hash, ITEMS.c.camera).where(ITEMS.c.id == item)
    ).one()
    assert tuple(stored) == (other.id, b"h", "Recall One")
    assert list(sync_state.file_records(connection, "/")) == [FileRecord(item, "/other/b", 2, 3, None)]


def test_a_new_file_time_replaces_only_what_was_one(connection: Connection, source: Source) -> None:
    earlier = datetime.fromisoformat("2020-01-01")
    (camera,) = save(connection, source, "/photos/a", taken_at=earlier, taken_from="exif")
    (file,) = save(connection, source, "/photos/b", taken_at=earlier, taken_from="file")
    places = [(camera, "/photos/a"), (file, "/photos/b")]
    writes.update_file_stats(connection, [{"key": id_, "path": path, "file_time": NOON} for id_, path in places])
    assert connection.scalars(select(ITEMS.c.taken_at).order_by(ITEMS.c.id)).all() == [earlier, NOON]


def test_the_same_content_is_found_oldest_first_and_never_in_failures(connection: Connection, source: Source) -> None:
    b, a = save(connection, source, "/photos/b", "/photos/a", size=5, content_hash=b"hash")
    save(connection, source, "/photos/other size", size=6, content_hash=b"hash")
    save(connection, source, "/photos/other content", size=5, content_hash=b"else")
    save(connection, source, "/photos/failed", size=7, failure="damaged")
    assert [item.id for item in sync_state.files_by_content(connection, [(5, b"hash")])[5, b"hash"]] == [b, a]
    assert sync_state.existing_sizes(connection, {5, 6, 7, 8}) == {5, 6}


def test_a_copy_takes_over_facts_and_embeddings(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save(connection, source, "/photos/a", content_hash=b"h", camera="Recall One", taken_at=NOON)
    writes.add_embeddings(connection, [item], encoder.id, HALVES[:1])
    unit = connection.scalar(select(UNITS.c.id))
    connection.execute(
        insert(EMBEDDINGS),
        {"unit_id": unit, "encoder_id": other.id, "vector": HALVES[5].astype("<f2").tobytes()},
    )
    place = {
        "source_id": source.id,
        "path": "/photos/b",
        "size": 1,
        "mtime_ns": 9,
        "indexed_at": NOON,
        "file_time": None,
    }
    writes.copy_items(connection, [(item, place)])
    stored = connection.execute(
        select(ITEMS.c.id, ITEMS.c.mtime_ns, ITEMS.c.content_hash, ITEMS.c.camera, ITEMS.c.taken_at).where(
            ITEMS.c.path == "/photos/b"
        )
    ).one()
    assert tuple(stored)[1:] == (9, b"h", "Recall One", NOON)
    vectors = select(EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector).join(UNITS).where(UNITS.c.item_id == stored.id)
    assert {row.encoder_id: np.frombuffer(row.vector, "<f2").tolist() for row in connection.execute(vectors)} == {
        encoder.id: HALVES[0].tolist(),
        other.id: HALVES[5].tolist(),
    }
    assert count(connection, EMBEDDINGS) == 4  # the original has its own still


def test_a_copy_onto_a_known_path_replaces_what_was_there(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    a, b = save(connection, source, "/photos/a", "/photos/b")
    writes.add_embeddings(connection, [a, b], encoder.id, HALVES[:2])
    place = {"source_id": source.id, "path": "/photos/b", "size": 1, "mtime_ns": 2, "file_time": None}
    writes.copy_items(connection, [(a, place)])
    assert [item.id for item in sync_state.file_records(connection, "/photos")] == [a, b]
    assert count(connection, EMBEDDINGS) == 2
