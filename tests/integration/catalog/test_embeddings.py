"""Embeddings in the catalog: float16, pages behind a watermark, filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event, select, update

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import matching_ids
from indexer.catalog.schema import EMBEDDINGS, UNITS
from indexer.catalog.statements import counts, encoders, sync_state, writes
from indexer.catalog.statements import items as item_queries
from indexer.catalog.statements.counts import Failure
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.items import ItemDetails
from indexer.catalog.statements.sources import Source
from indexer.types import Modality, Preprocess
from tests.support.catalog import NOON, count, embed, save
from tests.support.vectors import HALVES, ids


def test_embeddings_are_kept_as_float16_and_read_as_float32(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    (item,) = save(connection, source, "/photos/a")
    # 1/3 as float16: 11 bits of mantissa, 1365 / 4096; the smallest normal number; a value below half of the smallest
    writes.add_embeddings(connection, [item], encoder.id, np.array([[1 / 3, -1, 2**-14, 1e-9]], dtype=np.float32))
    ((found, vectors, bad),) = item_queries.embeddings_after(connection, encoder.id, 4, 0)
    assert vectors.tolist() == [[1365 / 4096, -1, 2**-14, 0]]
    assert (vectors.dtype, len(found), bad) == (np.dtype(np.float32), 1, [])
    assert len(connection.scalar(select(EMBEDDINGS.c.vector)) or b"") == 8  # two bytes a number


def test_units_and_vectors_stay_with_their_items(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    items = save(connection, source, "/photos/a", "/photos/b", "/photos/c")
    writes.add_embeddings(connection, items[::-1], encoder.id, HALVES[:3])
    joined = select(UNITS.c.item_id, EMBEDDINGS.c.vector).join_from(EMBEDDINGS, UNITS)
    held = {row.item_id: np.frombuffer(row.vector, "<f2").tolist() for row in connection.execute(joined)}
    assert held == {items[2]: HALVES[0].tolist(), items[1]: HALVES[1].tolist(), items[0]: HALVES[2].tolist()}
    writes.add_embeddings(connection, [], encoder.id, np.empty((0, 0), dtype=np.float32))  # a batch of failures only


@pytest.mark.parametrize("n", [0, 2, 3, 4, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_embeddings_behind_a_watermark_come_in_pages(
    connection: Connection, source: Source, encoder: EncoderRecord, n: int
) -> None:
    made = embed(connection, source, encoder, n)
    for watermark in (0, *made):
        pages = list(item_queries.embeddings_after(connection, encoder.id, 4, watermark))
        found = [id_ for page, _, _ in pages for id_ in page.tolist()]
        assert found == [id_ for id_ in made if id_ > watermark]
        assert all(vectors.shape == (len(page), 4) for page, vectors, _ in pages)


@pytest.mark.usefixtures("pages_of_three")
def test_bytes_that_are_no_vector_are_named_and_the_rest_is_read(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    made = embed(connection, source, encoder, 5)
    for id_, raw in zip(made[:4], (b"", b"short", bytes(9), bytes(6)), strict=True):
        connection.execute(update(EMBEDDINGS).where(EMBEDDINGS.c.id == id_).values(vector=raw))
    pages = list(item_queries.embeddings_after(connection, encoder.id, 4, 0))
    assert [bad for _, _, bad in pages] == [made[:3], made[3:4]]
    assert [found.tolist() for found, _, _ in pages] == [[], made[4:]]


def test_the_embeddings_of_encoders_are_kept_apart(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    mine = embed(connection, source, encoder, 2)
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save(connection, source, "/photos/other")
    writes.add_embeddings(connection, [item], other.id, HALVES[:1])
    assert item_queries.embedding_ids(connection, encoder.id).tolist() == mine
    assert item_queries.count_up_to(connection, encoder.id, 10**9) == (2, mine[-1])
    assert item_queries.embedding_of_path(connection, "/photos/other", encoder.id) is None
    assert [len(found) for found, _, _ in item_queries.embeddings_after(connection, encoder.id, 4, 0)] == [2]


def test_the_extent_counts_up_to_the_watermark_and_names_the_newest(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    assert item_queries.count_up_to(connection, encoder.id, 0) == (0, 0)
    made = embed(connection, source, encoder, 4)
    assert item_queries.count_up_to(connection, encoder.id, 0) == (0, made[3])
    assert item_queries.count_up_to(connection, encoder.id, made[1]) == (2, made[3])


def test_the_id_of_a_removed_embedding_is_never_given_again(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    first = embed(connection, source, encoder, 3)
    writes.delete_items(connection, [item.id for item in sync_state.file_records(connection, "/photos")])
    assert count(connection, EMBEDDINGS) == 0
    # an index that was written up to first[2] would take a new embedding of that id for the old one
    assert embed(connection, source, encoder, 1)[0] > first[2]


@pytest.mark.usefixtures("pages_of_three")
def test_found_items_carry_what_a_hit_shows(connection: Connection, source: Source, encoder: EncoderRecord) -> None:
    facts = {
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
    made = embed(connection, source, encoder, 7, **facts, tags=("sea", "Boat", "BOAT"))
    found = item_queries.item_details(connection, [made[6], made[0], 999, *made[1:6]])
    assert found.keys() == set(made)  # 999 is gone
    item, unit = connection.execute(select(UNITS.c.item_id, UNITS.c.id).order_by(UNITS.c.id)).first() or (0, 0)
    place = (made[0], item, unit, Modality.PHOTO, None, "/photos/00")
    assert found[made[0]] == ItemDetails(*place, **facts, tags=("Boat", "sea"))  # type: ignore[arg-type]
    assert item_queries.item_details(connection, []) == {}


def test_the_embedding_of_a_path_comes_with_its_item(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    made = embed(connection, source, encoder, 2, size=3)
    (failed,) = save(connection, source, "/photos/failed", failure="empty")
    found = item_queries.embedding_of_path(connection, "/photos/01", encoder.id)
    assert found is not None
    assert (found.embedding_id, found.size, found.mtime_ns) == (made[1], 3, 1)
    assert item_queries.embedding_of_path(connection, "/photos/failed", encoder.id) is None
    assert failed


def test_items_that_lack_a_usable_embedding_are_named(
    connection: Connection, source: Source, encoder: EncoderRecord
) -> None:
    made = embed(connection, source, encoder, 3)
    save(connection, source, "/photos/none")
    save(connection, source, "/photos/failed", failure="empty")
    lacking = item_queries.items_missing_embeddings(connection, encoder.id, ids(made[0], made[2]))
    assert [path for _, path in lacking] == ["/photos/01", "/photos/none"]


def test_failures_are_listed_and_counted_by_place(connection: Connection, source: Source) -> None:
    save(connection, source, "/photos/a/2", "/photos/a/1", failure="damaged", failure_message="cut off")
    save(connection, source, "/photos/b/3", failure="empty", failure_message="zero bytes")
    save(connection, source, "/photos/b/4")
    assert list(counts.failures(connection, "/photos/a", limit=1)) == [Failure("/photos/a/1", "damaged", "cut off")]
    assert [failure.path for failure in counts.failures(connection)] == ["/photos/a/1", "/photos/a/2", "/photos/b/3"]
    assert counts.count_by_kind(connection) == {"photo": (1, 3), "text": (0, 0)}
    assert counts.count_items(connection, "/photos") == (1, 3)
    assert counts.count_items(connection, "/photos/b") == (1, 1)
    assert counts.count_items(connection, "/photos/c") == (0, 0)


@pytest.mark.parametrize(
    "where",
    [
        Filter.folder("/photos/a"),
        Filter.taken(after=NOON),
        Filter.taken(before=NOON),
        Filter.name("a.jpg"),
        Filter.camera("Canon"),
        Filter.lens("50mm"),
        Filter.near(50, 8, km=5),
        Filter.rating(5),
        Filter.tag("dog"),
    ],
    ids=repr,
)
def test_a_filter_begins_with_the_items_that_pass_it(
    connection: Connection, encoder: EncoderRecord, where: Filter
) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(connection.engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))
    matching_ids(connection, encoder.id, where)
    statement, parameters = asked[-1]
    plan = [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert any(step.startswith("SEARCH items") for step in plan)
    assert not any("encoder_id_id" in step for step in plan)  # the index that leads through all embeddings
