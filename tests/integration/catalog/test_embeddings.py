"""Embeddings in the catalog: storage as float16, pages after a watermark, lookups."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Connection, select, update

from indexer.catalog.dialect import is_postgresql
from indexer.catalog.schema import EMBEDDINGS, UNITS
from indexer.catalog.statements import encoders, sync_state, writes
from indexer.catalog.statements import items as item_queries
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import ItemDetails
from indexer.catalog.statements.sources import Source
from indexer.types import Modality, Preprocess
from tests.support.catalog import NOON, count_rows, save_embedded, save_items
from tests.support.vectors import HALVES, ids


def test_embeddings_are_stored_as_float16_and_read_as_float32(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    (item,) = save_items(connection, source, "/photos/a")
    # 1/3 is 1365 / 4096 with 11 bits of mantissa; 2^-14 is the smallest normal number; 1e-9 underflows
    writes.add_embeddings(connection, [item], encoder.id, np.array([[1 / 3, -1, 2**-14, 1e-9]], dtype=np.float32))
    ((embedding_ids, vectors, damaged),) = item_queries.embeddings_after(connection, encoder.id, 4, 0)
    assert vectors.tolist() == [[1365 / 4096, -1, 2**-14, 0]]
    assert (vectors.dtype, len(embedding_ids), damaged) == (np.dtype(np.float32), 1, [])
    assert len(connection.scalar(select(EMBEDDINGS.c.vector)) or b"") == 8  # two bytes per number


def test_units_and_vectors_stay_with_their_items(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    items = save_items(connection, source, "/photos/a", "/photos/b", "/photos/c")
    writes.add_embeddings(connection, items[::-1], encoder.id, HALVES[:3])
    joined = select(UNITS.c.item_id, EMBEDDINGS.c.vector).join_from(EMBEDDINGS, UNITS)
    vectors = {row.item_id: np.frombuffer(row.vector, "<f2").tolist() for row in connection.execute(joined)}
    assert vectors == {items[2]: HALVES[0].tolist(), items[1]: HALVES[1].tolist(), items[0]: HALVES[2].tolist()}
    writes.add_embeddings(connection, [], encoder.id, np.empty((0, 0), dtype=np.float32))  # a batch with failures only


@pytest.mark.parametrize("n", [0, 2, 3, 4, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_embeddings_after_a_watermark_are_read_in_pages(
    connection: Connection, source: Source, encoder: EncoderRecord, n: int
) -> None:
    saved = save_embedded(connection, source, encoder, n)
    for watermark in (0, *saved):
        pages = list(item_queries.embeddings_after(connection, encoder.id, 4, watermark))
        read = [id_ for page, _, _ in pages for id_ in page.tolist()]
        assert read == [id_ for id_ in saved if id_ > watermark]
        assert all(vectors.shape == (len(page), 4) for page, vectors, _ in pages)


@pytest.mark.usefixtures("pages_of_three")
def test_damaged_embeddings_are_listed_and_the_others_are_read(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    saved = save_embedded(connection, source, encoder, 5)
    damages = (
        (bytes(2), bytes(6), bytes(10), bytes(6)) if is_postgresql(connection) else (b"", b"short", bytes(9), bytes(6))
    )
    for id_, raw in zip(saved[:4], damages, strict=True):
        connection.execute(update(EMBEDDINGS).where(EMBEDDINGS.c.id == id_).values(vector=raw))
    pages = list(item_queries.embeddings_after(connection, encoder.id, 4, 0))
    assert [damaged for _, _, damaged in pages] == [saved[:3], saved[3:4]]
    assert [page.tolist() for page, _, _ in pages] == [[], saved[4:]]


def test_embeddings_of_different_encoders_are_separate(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    saved = save_embedded(connection, source, encoder, 2)
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save_items(connection, source, "/photos/other")
    writes.add_embeddings(connection, [item], other.id, HALVES[:1])
    assert item_queries.embedding_ids(connection, encoder.id).tolist() == saved
    assert item_queries.count_up_to(connection, encoder.id, 10**9) == (2, saved[-1])
    assert item_queries.embedding_of_path(connection, "/photos/other", encoder.id) is None
    assert [len(page) for page, _, _ in item_queries.embeddings_after(connection, encoder.id, 4, 0)] == [2]


def test_embeddings_are_counted_up_to_a_watermark(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    assert item_queries.count_up_to(connection, encoder.id, 0) == (0, 0)
    saved = save_embedded(connection, source, encoder, 4)
    assert item_queries.count_up_to(connection, encoder.id, 0) == (0, saved[3])
    assert item_queries.count_up_to(connection, encoder.id, saved[1]) == (2, saved[3])


def test_the_id_of_a_deleted_embedding_is_never_reused(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    first = save_embedded(connection, source, encoder, 3)
    writes.delete_items(connection, [item.id for item in sync_state.file_records(connection, "/photos")])
    assert count_rows(connection, EMBEDDINGS) == 0
    # an index that was written up to first[2] would mistake a new embedding with that id for the old one
    assert save_embedded(connection, source, encoder, 1)[0] > first[2]


@pytest.mark.usefixtures("pages_of_three")
def test_item_details_have_every_field_that_a_hit_shows(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    metadata = {
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "taken_at": NOON,
        "taken_from": "exif",
        "latitude": -33.5,
        "longitude": 151.25,
        "camera": "Recall One",
        "lens": "50 mm",
        "utc_offset": 600,
        "rating": -1,
        "title": "Harbour",
        "description": "Boats at the quay",
    }
    labels: dict[str, tuple[str, ...]] = {"tags": ("sea", "Boat", "BOAT"), "people": ("Ada",), "places": ("Lisbon",)}
    saved = save_embedded(connection, source, encoder, 7, **metadata, **labels)
    details = item_queries.item_details(connection, [saved[6], saved[0], 999, *saved[1:6]])
    assert details.keys() == set(saved)  # 999 does not exist
    item, unit = connection.execute(select(UNITS.c.item_id, UNITS.c.id).order_by(UNITS.c.id)).first() or (0, 0)
    unit_fields = (saved[0], item, unit, Modality.PHOTO, None, "/photos/00")
    places = ("Australia", "Lisbon", "New South Wales", "Umina Beach")  # those of its position, too
    shown = ItemDetails(*unit_fields, **metadata, tags=("Boat", "sea"), people=("Ada",), places=places)  # type: ignore[arg-type]
    assert details[saved[0]] == shown
    assert item_queries.item_details(connection, []) == {}


def test_the_embedding_at_a_path_has_the_file_stat(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    saved = save_embedded(connection, source, encoder, 2, size=3)
    (failed,) = save_items(connection, source, "/photos/failed", failure="empty")
    embedding = item_queries.embedding_of_path(connection, "/photos/01", encoder.id)
    assert embedding is not None
    assert (embedding.embedding_id, embedding.size, embedding.mtime_ns) == (saved[1], 3, 1)
    assert item_queries.embedding_of_path(connection, "/photos/failed", encoder.id) is None
    assert failed


def test_items_without_a_usable_embedding_are_listed(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    saved = save_embedded(connection, source, encoder, 3)
    save_items(connection, source, "/photos/none")
    save_items(connection, source, "/photos/failed", failure="empty")
    missing = item_queries.items_missing_embeddings(connection, encoder.id, ids(saved[0], saved[2]))
    assert [path for _, path in missing] == ["/photos/01", "/photos/none"]
