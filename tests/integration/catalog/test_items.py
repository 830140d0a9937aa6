"""Items in the catalog: paths as bytes, long listings, replacements, moves and copies."""

from __future__ import annotations

import os
from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from indexer.catalog.schema import EMBEDDINGS, ITEMS, UNITS
from indexer.catalog.statements import counts, encoders, sync_state, writes
from indexer.catalog.statements.copies import copy_items
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.catalog.statements.sync_state import FileRecord
from indexer.types import Preprocess
from tests.support.catalog import INVALID_UTF8, NOON, add_source, count_rows, item_row, save_items, stored_paths
from tests.support.vectors import HALVES


def test_paths_with_invalid_utf8_round_trip(connection: Connection, source: Source) -> None:
    save_items(connection, source, INVALID_UTF8, "/photos/\U0001f600\n.jpg")
    assert stored_paths(connection, "/photos") == [INVALID_UTF8, "/photos/\U0001f600\n.jpg"]
    stored = connection.exec_driver_sql("SELECT path FROM items ORDER BY path").scalars().all()
    assert stored[0] == b"/photos/caf\xe9/\xff\xfe.jpg"


def test_file_records_are_in_the_byte_order_of_paths(connection: Connection, source: Source) -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30, then the bytes of U+FFFD (0xef..) and 0xff
    names = ["a-b", "a.b", "a/b", "a0", "\ufffd", "\udcff"]
    save_items(connection, source, *(f"/photos/{name}" for name in reversed(names)))
    assert stored_paths(connection, "/photos") == [f"/photos/{name}" for name in names]


def test_a_folder_excludes_siblings_with_a_longer_name(connection: Connection, source: Source) -> None:
    save_items(
        connection, source, "/p/dir", "/p/dir!", "/p/dir/a", "/p/dir/b/c", "/p/dir0", "/p/dir2/d", "/p/dir.jpg", "/p/d"
    )
    assert stored_paths(connection, "/p/dir") == ["/p/dir", "/p/dir/a", "/p/dir/b/c"]
    assert stored_paths(connection, "/p/dir/a") == ["/p/dir/a"]
    assert stored_paths(connection, "/p/dir/..") == []  # paths are compared, not resolved
    assert counts.count_items(connection, "/p/dir") == (3, 0)


def test_every_path_is_under_the_root_directory(connection: Connection, source: Source) -> None:
    save_items(connection, source, "/a", "/b/c", "/\udcff", "/0", "/ ")
    assert stored_paths(connection, "/") == ["/ ", "/0", "/a", "/b/c", "/\udcff"]
    assert counts.count_items(connection, "/") == (5, 0)


def test_a_folder_with_invalid_utf8_in_its_name_has_its_files(connection: Connection, source: Source) -> None:
    save_items(connection, source, INVALID_UTF8, "/photos/caf\ufffd/x.jpg")
    assert stored_paths(connection, os.fsdecode(b"/photos/caf\xe9")) == [INVALID_UTF8]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 6, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_a_listing_longer_than_a_page_is_complete(connection: Connection, source: Source, n: int) -> None:
    save_items(connection, source, *(f"/photos/{number}" for number in range(n)), "/other", "/photosz")
    assert stored_paths(connection, "/photos") == [f"/photos/{number}" for number in range(n)]


@pytest.mark.usefixtures("pages_of_three")
def test_items_may_be_deleted_while_they_are_listed(connection: Connection, source: Source) -> None:
    save_items(connection, source, *(f"/photos/{number}" for number in range(8)))
    paths = []
    for item in sync_state.file_records(connection, "/photos"):
        writes.delete_items(connection, [item.id])
        paths.append(item.path)
    assert paths == [f"/photos/{number}" for number in range(8)]
    assert count_rows(connection, ITEMS) == 0


def test_a_file_record_has_the_stored_stat_and_failure(connection: Connection, source: Source) -> None:
    first, second = save_items(connection, source, "/photos/a", "/photos/b", size=7, mtime_ns=2**60)
    writes.save_items(connection, [item_row(source, "/photos/b", failure="damaged", failure_message="cut off")])
    assert list(sync_state.file_records(connection, "/photos")) == [
        FileRecord(first, "/photos/a", 7, 2**60, None),
        FileRecord(second, "/photos/b", 1, 1, "damaged"),
    ]


def test_saved_items_return_ids_in_the_order_of_the_rows(connection: Connection, source: Source) -> None:
    b, d = save_items(connection, source, "/photos/b", "/photos/d")
    saved = save_items(connection, source, "/photos/d", "/photos/c", "/photos/b", "/photos/a")
    assert (saved[0], saved[2]) == (d, b)
    by_path = {item.path: item.id for item in sync_state.file_records(connection, "/photos")}
    assert saved == [by_path[f"/photos/{name}"] for name in "dcba"]
    assert writes.save_items(connection, []) == []


def test_a_replaced_item_keeps_its_id_and_loses_its_units(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    unchanged, replaced = save_items(connection, source, "/photos/a", "/photos/b")
    writes.add_embeddings(connection, [unchanged, replaced], encoder.id, HALVES[:2])
    assert save_items(connection, source, "/photos/b", size=9) == [replaced]
    assert connection.scalars(select(UNITS.c.item_id)).all() == [unchanged]
    assert count_rows(connection, EMBEDDINGS) == 1
    assert [item.size for item in sync_state.file_records(connection, "/photos")] == [1, 9]


def test_deleted_items_lose_their_units_and_embeddings(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    items = save_items(connection, source, "/photos/a", "/photos/b", "/photos/c")
    writes.add_embeddings(connection, items, encoder.id, HALVES[:3])
    writes.delete_items(connection, items[:2])
    writes.delete_items(connection, [])
    assert [count_rows(connection, table) for table in (ITEMS, UNITS, EMBEDDINGS)] == [1, 1, 1]


def test_two_items_cannot_have_the_same_path(connection: Connection, source: Source) -> None:
    first, second = save_items(connection, source, "/photos/a", "/photos/b")
    with pytest.raises(IntegrityError, match=r"items[._]path"):
        writes.update_file_stats(connection, [{"key": second, "path": "/photos/a", "fallback_date": (NOON, "file")}])
    assert first != second


def test_a_moved_item_gets_a_new_path_and_stat_and_keeps_its_metadata(connection: Connection, source: Source) -> None:
    other = add_source(connection, "/other")
    (item,) = save_items(connection, source, "/photos/a", content_hash=b"h", camera="Recall One")
    stat = {"path": "/other/b", "size": 2, "mtime_ns": 3, "source_id": other.id}
    writes.update_file_stats(connection, [{"key": item, "fallback_date": (NOON, "file"), **stat}])
    stored = connection.execute(
        select(ITEMS.c.source_id, ITEMS.c.content_hash, ITEMS.c.camera).where(ITEMS.c.id == item)
    ).one()
    assert tuple(stored) == (other.id, b"h", "Recall One")
    assert list(sync_state.file_records(connection, "/")) == [FileRecord(item, "/other/b", 2, 3, None)]


def test_a_new_name_or_file_time_replaces_only_a_date_of_that_origin(connection: Connection, source: Source) -> None:
    earlier = datetime.fromisoformat("2020-01-01")
    items = {
        origin: save_items(connection, source, f"/photos/{origin}", taken_at=earlier, taken_from=origin)[0]
        for origin in ("exif", "takeout", "name", "file")
    }
    rows = [{"key": id_, "path": f"/photos/{origin}", "fallback_date": (NOON, "name")} for origin, id_ in items.items()]
    writes.update_file_stats(connection, rows)
    dates = connection.execute(select(ITEMS.c.taken_at, ITEMS.c.taken_from).order_by(ITEMS.c.id)).all()
    assert list(map(tuple, dates)) == [(earlier, "exif"), (earlier, "takeout"), (NOON, "name"), (NOON, "name")]


def test_files_with_equal_content_are_oldest_first_without_failures(connection: Connection, source: Source) -> None:
    b, a = save_items(connection, source, "/photos/b", "/photos/a", size=5, content_hash=b"hash")
    save_items(connection, source, "/photos/other size", size=6, content_hash=b"hash")
    save_items(connection, source, "/photos/other content", size=5, content_hash=b"else")
    save_items(connection, source, "/photos/failed", size=7, failure="damaged")
    assert [item.id for item in sync_state.files_by_content(connection, [(5, b"hash")])[5, b"hash"]] == [b, a]
    assert sync_state.existing_sizes(connection, {5, 6, 7, 8}) == {5, 6}


def test_a_copy_has_the_metadata_and_embeddings_of_its_original(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save_items(connection, source, "/photos/a", content_hash=b"h", camera="Recall One", taken_at=NOON)
    writes.add_embeddings(connection, [item], encoder.id, HALVES[:1])
    unit = connection.scalar(select(UNITS.c.id))
    connection.execute(
        insert(EMBEDDINGS),
        {"unit_id": unit, "encoder_id": other.id, "vector": HALVES[5].astype("<f2").tobytes()},
    )
    copy = {
        "source_id": source.id,
        "path": "/photos/b",
        "size": 1,
        "mtime_ns": 9,
        "indexed_at": NOON,
        "fallback_date": (None, "file"),
    }
    copy_items(connection, [(item, copy)])
    stored = connection.execute(
        select(ITEMS.c.id, ITEMS.c.mtime_ns, ITEMS.c.content_hash, ITEMS.c.camera, ITEMS.c.taken_at).where(
            ITEMS.c.path == "/photos/b"
        )
    ).one()
    assert tuple(stored)[1:] == (9, b"h", "Recall One", NOON)
    vectors = select(EMBEDDINGS.c.encoder_id, EMBEDDINGS.c.vector).join(UNITS).where(UNITS.c.item_id == stored.id)
    assert {
        embedding.encoder_id: np.frombuffer(embedding.vector, "<f2").tolist()
        for embedding in connection.execute(vectors)
    } == {
        encoder.id: HALVES[0].tolist(),
        other.id: HALVES[5].tolist(),
    }
    assert count_rows(connection, EMBEDDINGS) == 4  # the original keeps its own


def test_a_copy_replaces_the_item_at_its_path(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    a, b = save_items(connection, source, "/photos/a", "/photos/b")
    writes.add_embeddings(connection, [a, b], encoder.id, HALVES[:2])
    copy = {"source_id": source.id, "path": "/photos/b", "size": 1, "mtime_ns": 2, "fallback_date": (None, "file")}
    copy_items(connection, [(a, copy)])
    assert [item.id for item in sync_state.file_records(connection, "/photos")] == [a, b]
    assert count_rows(connection, EMBEDDINGS) == 2
