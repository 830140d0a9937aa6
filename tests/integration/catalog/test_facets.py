"""Counts and columns of whole catalogs: the same in a file and on a server."""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import Connection, select

from indexer.catalog.dialect import is_postgresql
from indexer.catalog.filters.expression import Filter
from indexer.catalog.schema import ITEMS
from indexer.catalog.statements import (
    facets,
    item_metadata,
    judgements,
    layout,
    listing,
    reencoding,
    sync_state,
    writes,
)
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from indexer.types import Modality
from tests.support.catalog import NOON, add_source, item_row, save_embedded

LATE = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - cameras record no time zone
EARLY = datetime(101, 2, 3)  # noqa: DTZ001 - as above


def fill(connection: Connection, source: Source) -> None:
    """Save items in several folders, months and sources."""
    root = add_source(connection, os.fsdecode(b"/caf\xe9"))
    rows = [
        item_row(source, "/photos/a.jpg", taken_at=NOON, camera="Canon", width=3, height=2, rating=5),
        item_row(source, "/photos/Rome/b.jpg", taken_at=EARLY, camera="Canon", width=3, height=2, rating=-1),
        item_row(source, "/photos/Rome/Old/c.jpg", taken_at=LATE, camera="Nikon", width=3, height=2, rating=None),
        item_row(root, os.fsdecode(b"/caf\xe9/x/d.jpg"), taken_at=None, camera=None, width=None, height=2, rating=5),
    ]
    tags: tuple[list[str], ...] = (["dog", "Dog", "Z"], ["dog"], [], ["\u00c9t\u00e9"])
    writes.save_items(connection, [row | {"tags": labels} for row, labels in zip(rows, tags, strict=True)])


def test_facets_count_months_folders_labels_and_columns(connection: Connection, source: Source) -> None:
    fill(connection, source)
    found = facets.read_facets(connection, None)
    assert [(month.value, month.count) for month in found.months] == [("9999-12", 1), ("2024-05", 1), ("0101-02", 1)]
    folders = {folder.value: folder.count for folder in found.folders}
    place = os.fsdecode(b"/caf\xe9")
    assert folders == {"/photos": 3, "/photos/Rome": 2, place: 1, f"{place}/x": 1}
    assert [(tag.value, tag.count) for tag in found.tags] == [("dog", 2), ("Z", 1), ("\u00c9t\u00e9", 1)]
    assert [(rating.value, rating.count) for rating in found.ratings] == [("5", 2), ("-1", 1)]
    assert (found.undated, found.total) == (1, 4)
    of_canon = facets.read_facets(connection, Filter.camera("can*"))
    assert (of_canon.total, [month.value for month in of_canon.months]) == (2, ["2024-05", "0101-02"])


def test_a_root_of_the_file_system_has_folders(connection: Connection) -> None:
    root = add_source(connection, "/")
    writes.save_items(connection, [item_row(root, "/a.jpg"), item_row(root, "/x/b.jpg")])
    found = facets.read_facets(connection, None)
    assert {folder.value: folder.count for folder in found.folders} == {"/": 2, "/x": 1}


def test_the_columns_of_a_layout_are_in_order(connection: Connection, source: Source) -> None:
    fill(connection, source)
    read = layout.read_layout(connection, None, ITEMS.c.taken_at, descending=True)
    assert read.days == ("9999-12-31", "2024-05-01", "0101-02-03", None)
    assert read.widths == (3, 3, 3, None)
    empty = layout.read_layout(connection, Filter.camera("none"), ITEMS.c.taken_at, descending=False)
    assert len(empty) == 0
    assert len(layout.read_positions(connection, None)) == 0


def test_sizes_beyond_32_bits_are_found(connection: Connection, source: Source) -> None:
    row = item_row(source, "/photos/a", size=2**40, mtime_ns=2**62, content_hash=b"h")
    writes.save_items(connection, [row])
    assert sync_state.existing_sizes(connection, [2**40, 1]) == {2**40}
    ((found,),) = sync_state.files_by_content(connection, [(2**40, b"h")]).values()
    assert (found.path, found.mtime_ns) == ("/photos/a", 2**62)


def test_approximate_units_without_a_date_come_last(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    save_embedded(connection, source, encoder, 2)
    units = list(reencoding.encoded_units(connection, encoder.id, Modality.PHOTO))
    connection.execute(ITEMS.update().where(ITEMS.c.path == "/photos/01").values(taken_at=NOON))
    connection.exec_driver_sql("UPDATE embeddings SET mapped = NOT mapped")
    assert reencoding.approximate_units(connection, encoder.id).tolist() == [units[1], units[0]]


def test_texts_of_any_length_are_stored_and_found(connection: Connection, source: Source) -> None:
    words = " ".join(f"w{number * 7919}" for number in range(9_000))
    (item,) = writes.save_items(connection, [item_row(source, "/photos/a", description="x\0y")])
    item_metadata.save_values(connection, [(item, {"note": words, "other": "short"})])
    judgements.add_query(connection, words, {})
    for where, count in (
        (Filter.meta("note") == words, 1),
        (Filter.meta("note") > words[:-1], 1),
        (Filter.meta("note") < words, 0),
        (Filter.meta("note").between("w0", "w1"), 1),
    ):
        assert listing.count_items(connection, where) == count
    stored = connection.scalar(select(ITEMS.c.description))
    assert stored == ("x\N{REPLACEMENT CHARACTER}y" if is_postgresql(connection) else "x\0y")
