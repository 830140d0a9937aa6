"""The catalog's statements, on a real database."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from indexer.catalog import encoders, queries, sources
from indexer.catalog.encoders import KnownEncoder
from indexer.catalog.engine import open_engine, storage_errors
from indexer.catalog.migrate import upgrade
from indexer.catalog.models import Embedding, Item, Unit
from indexer.catalog.queries import Failure, Filters, FoundItem, KnownFile
from indexer.catalog.sources import KnownSource
from indexer.errors import StorageError
from indexer.types import Preprocess
from tests.support.vectors import HALVES, ids

NOON = datetime.fromisoformat("2024-05-01T12:00")  # cameras know no zone
NO_TEXT = os.fsdecode(b"/photos/caf\xe9/\xff\xfe.jpg")  # Latin-1 and worse: bytes that are no UTF-8


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path / "catalog.db")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def encoder(connection: Connection) -> KnownEncoder:
    return encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))


@pytest.fixture
def source(connection: Connection) -> KnownSource:
    return add(connection, "/photos")


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 3)


def add(
    connection: Connection,
    root: str,
    *,
    former: KnownSource | None = None,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
) -> KnownSource:
    return sources.add_source(connection, root, exclude=exclude, include_hidden=include_hidden, former=former)


def row(source: KnownSource, path: str, **values: Any) -> dict[str, Any]:
    """Return an item's columns: those every item has, and those given."""
    return {
        "source_id": source.id,
        "path": path,
        "modality": "photo",
        "size": 1,
        "mtime_ns": 1,
        "indexed_at": NOON,
        **values,
    }


def save(connection: Connection, source: KnownSource, *paths: str, **values: Any) -> list[int]:
    return queries.save_items(connection, [row(source, path, **values) for path in paths])


def known_paths(connection: Connection, root: str) -> list[str]:
    return [item.path for item in queries.known_files(connection, root)]


def count(connection: Connection, table: type[Item | Unit | Embedding]) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


# --- Paths ----------------------------------------------------------------------------------------------------------


def test_paths_that_are_no_text_come_back_as_they_were(connection: Connection, source: KnownSource) -> None:
    save(connection, source, NO_TEXT, "/photos/\U0001f600\n.jpg")
    assert known_paths(connection, "/photos") == [NO_TEXT, "/photos/\U0001f600\n.jpg"]
    stored = connection.exec_driver_sql("SELECT path FROM items ORDER BY path").scalars().all()
    assert stored[0] == b"/photos/caf\xe9/\xff\xfe.jpg"


def test_known_files_come_in_the_byte_order_of_paths(connection: Connection, source: KnownSource) -> None:
    # "-" 0x2d, "." 0x2e, "/" 0x2f, "0" 0x30, then the bytes of U+FFFD (0xef..) and 0xff
    names = ["a-b", "a.b", "a/b", "a0", "\ufffd", "\udcff"]
    save(connection, source, *(f"/photos/{name}" for name in reversed(names)))
    assert known_paths(connection, "/photos") == [f"/photos/{name}" for name in names]


def test_a_folder_is_not_its_siblings_with_a_longer_name(connection: Connection, source: KnownSource) -> None:
    save(
        connection, source, "/p/dir", "/p/dir!", "/p/dir/a", "/p/dir/b/c", "/p/dir0", "/p/dir2/d", "/p/dir.jpg", "/p/d"
    )
    assert known_paths(connection, "/p/dir") == ["/p/dir", "/p/dir/a", "/p/dir/b/c"]
    assert known_paths(connection, "/p/dir/a") == ["/p/dir/a"]
    assert known_paths(connection, "/p/dir/..") == []  # paths are compared, not resolved: the caller resolves them
    assert queries.count_items(connection, "/p/dir") == (3, 0)


def test_everything_lies_under_the_root_of_the_disk(connection: Connection, source: KnownSource) -> None:
    save(connection, source, "/a", "/b/c", "/\udcff", "/0", "/ ")
    assert known_paths(connection, "/") == ["/ ", "/0", "/a", "/b/c", "/\udcff"]
    assert queries.count_items(connection, "/") == (5, 0)


def test_a_folder_with_a_name_that_is_no_text_holds_its_files(connection: Connection, source: KnownSource) -> None:
    save(connection, source, NO_TEXT, "/photos/caf\ufffd/x.jpg")
    assert known_paths(connection, os.fsdecode(b"/photos/caf\xe9")) == [NO_TEXT]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 6, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_a_listing_longer_than_a_page_is_whole(connection: Connection, source: KnownSource, n: int) -> None:
    save(connection, source, *(f"/photos/{number}" for number in range(n)), "/other", "/photosz")
    assert known_paths(connection, "/photos") == [f"/photos/{number}" for number in range(n)]


@pytest.mark.usefixtures("pages_of_three")
def test_a_listing_may_be_written_to_while_it_is_read(connection: Connection, source: KnownSource) -> None:
    save(connection, source, *(f"/photos/{number}" for number in range(8)))
    seen = []
    for item in queries.known_files(connection, "/photos"):
        queries.remove_items(connection, [item.id])
        seen.append(item.path)
    assert seen == [f"/photos/{number}" for number in range(8)]
    assert count(connection, Item) == 0


# --- Items ----------------------------------------------------------------------------------------------------------


def test_items_are_known_with_their_facts(connection: Connection, source: KnownSource) -> None:
    one, two = save(connection, source, "/photos/a", "/photos/b", size=7, mtime_ns=2**60)
    queries.save_items(connection, [row(source, "/photos/b", failure="damaged", failure_message="cut off")])
    assert list(queries.known_files(connection, "/photos")) == [
        KnownFile(one, "/photos/a", 7, 2**60, None),
        KnownFile(two, "/photos/b", 1, 1, "damaged"),
    ]


def test_saving_gives_ids_in_the_order_of_the_rows_whether_old_or_new(
    connection: Connection, source: KnownSource
) -> None:
    b, d = save(connection, source, "/photos/b", "/photos/d")
    again = save(connection, source, "/photos/d", "/photos/c", "/photos/b", "/photos/a")
    assert (again[0], again[2]) == (d, b)
    by_path = {item.path: item.id for item in queries.known_files(connection, "/photos")}
    assert again == [by_path[f"/photos/{name}"] for name in "dcba"]
    assert queries.save_items(connection, []) == []


def test_a_replaced_item_keeps_its_id_and_loses_its_units(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    kept, replaced = save(connection, source, "/photos/a", "/photos/b")
    queries.add_embeddings(connection, [kept, replaced], encoder.id, HALVES[:2])
    assert save(connection, source, "/photos/b", size=9) == [replaced]
    assert connection.scalars(select(Unit.item_id)).all() == [kept]
    assert count(connection, Embedding) == 1
    assert [item.size for item in queries.known_files(connection, "/photos")] == [1, 9]


def test_removed_items_take_their_units_and_embeddings_with_them(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    items = save(connection, source, "/photos/a", "/photos/b", "/photos/c")
    queries.add_embeddings(connection, items, encoder.id, HALVES[:3])
    queries.remove_items(connection, items[:2])
    queries.remove_items(connection, [])
    assert [count(connection, table) for table in (Item, Unit, Embedding)] == [1, 1, 1]


def test_two_items_never_have_one_path(connection: Connection, source: KnownSource) -> None:
    one, two = save(connection, source, "/photos/a", "/photos/b")
    with pytest.raises(IntegrityError, match=re.escape("items.path")):
        queries.set_stat(connection, [{"key": two, "path": "/photos/a", "file_time": NOON}])
    assert one != two


def test_a_moved_item_gets_its_new_place_and_keeps_the_rest(connection: Connection, source: KnownSource) -> None:
    other = add(connection, "/other")
    (item,) = save(connection, source, "/photos/a", content_hash=b"h", camera="Recall One")
    place = {"path": "/other/b", "size": 2, "mtime_ns": 3, "source_id": other.id}
    queries.set_stat(connection, [{"key": item, "file_time": NOON, **place}])
    stored = connection.execute(select(Item.source_id, Item.content_hash, Item.camera).where(Item.id == item)).one()
    assert tuple(stored) == (other.id, b"h", "Recall One")
    assert list(queries.known_files(connection, "/")) == [KnownFile(item, "/other/b", 2, 3, None)]


def test_a_new_file_time_replaces_only_what_was_one(connection: Connection, source: KnownSource) -> None:
    earlier = datetime.fromisoformat("2020-01-01")
    (camera,) = save(connection, source, "/photos/a", taken_at=earlier, taken_from="exif")
    (file,) = save(connection, source, "/photos/b", taken_at=earlier, taken_from="file")
    places = [(camera, "/photos/a"), (file, "/photos/b")]
    queries.set_stat(connection, [{"key": id_, "path": path, "file_time": NOON} for id_, path in places])
    assert connection.scalars(select(Item.taken_at).order_by(Item.id)).all() == [earlier, NOON]


def test_the_same_content_is_found_oldest_first_and_never_in_failures(
    connection: Connection, source: KnownSource
) -> None:
    b, a = save(connection, source, "/photos/b", "/photos/a", size=5, content_hash=b"hash")
    save(connection, source, "/photos/other size", size=6, content_hash=b"hash")
    save(connection, source, "/photos/other content", size=5, content_hash=b"else")
    save(connection, source, "/photos/failed", size=7, failure="damaged")
    assert [item.id for item in queries.same_content(connection, 5, b"hash")] == [b, a]
    assert [queries.size_is_known(connection, size) for size in (5, 6, 7, 8)] == [True, True, False, False]


def test_a_copy_takes_over_facts_and_embeddings(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save(connection, source, "/photos/a", content_hash=b"h", camera="Recall One", taken_at=NOON)
    queries.add_embeddings(connection, [item], encoder.id, HALVES[:1])
    unit = connection.scalar(select(Unit.id))
    connection.execute(
        insert(Embedding),
        {"unit_id": unit, "encoder_id": other.id, "vector": HALVES[5].astype("<f2").tobytes()},
    )
    place = {"source_id": source.id, "path": "/photos/b", "size": 1, "mtime_ns": 9, "indexed_at": NOON}
    queries.copy_item(connection, item, place)
    stored = connection.execute(
        select(Item.id, Item.mtime_ns, Item.content_hash, Item.camera, Item.taken_at).where(Item.path == "/photos/b")
    ).one()
    assert tuple(stored)[1:] == (9, b"h", "Recall One", NOON)
    vectors = select(Embedding.encoder_id, Embedding.vector).join(Unit).where(Unit.item_id == stored.id)
    assert {row.encoder_id: np.frombuffer(row.vector, "<f2").tolist() for row in connection.execute(vectors)} == {
        encoder.id: HALVES[0].tolist(),
        other.id: HALVES[5].tolist(),
    }
    assert count(connection, Embedding) == 4  # the original has its own still


def test_a_copy_onto_a_known_path_replaces_what_was_there(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    a, b = save(connection, source, "/photos/a", "/photos/b")
    queries.add_embeddings(connection, [a, b], encoder.id, HALVES[:2])
    queries.copy_item(connection, a, {"source_id": source.id, "path": "/photos/b", "size": 1, "mtime_ns": 2})
    assert [item.id for item in queries.known_files(connection, "/photos")] == [a, b]
    assert count(connection, Embedding) == 2


# --- Embeddings -----------------------------------------------------------------------------------------------------


def embed(connection: Connection, source: KnownSource, encoder: KnownEncoder, n: int, **values: Any) -> list[int]:
    """Save n items /photos/00, /photos/01, … with embeddings, and return the ids of these."""
    items = save(connection, source, *(f"/photos/{number:02}" for number in range(n)), **values)
    before = connection.scalar(select(func.max(Embedding.id))) or 0
    queries.add_embeddings(connection, items, encoder.id, HALVES[np.arange(n) % 16])
    return list(connection.scalars(select(Embedding.id).where(Embedding.id > before).order_by(Embedding.id)))


def test_embeddings_are_kept_as_float16_and_read_as_float32(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    (item,) = save(connection, source, "/photos/a")
    # 1/3 as float16: 11 bits of mantissa, 1365 / 4096; the smallest normal number; a value below half of the smallest
    queries.add_embeddings(connection, [item], encoder.id, np.array([[1 / 3, -1, 2**-14, 1e-9]], dtype=np.float32))
    ((found, vectors, bad),) = queries.embeddings_after(connection, encoder.id, 4, 0)
    assert vectors.tolist() == [[1365 / 4096, -1, 2**-14, 0]]
    assert (vectors.dtype, len(found), bad) == (np.dtype(np.float32), 1, [])
    assert len(connection.scalar(select(Embedding.vector)) or b"") == 8  # two bytes a number


def test_units_and_vectors_stay_with_their_items(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    items = save(connection, source, "/photos/a", "/photos/b", "/photos/c")
    queries.add_embeddings(connection, items[::-1], encoder.id, HALVES[:3])
    joined = select(Unit.item_id, Embedding.vector).join_from(Embedding, Unit)
    held = {row.item_id: np.frombuffer(row.vector, "<f2").tolist() for row in connection.execute(joined)}
    assert held == {items[2]: HALVES[0].tolist(), items[1]: HALVES[1].tolist(), items[0]: HALVES[2].tolist()}
    queries.add_embeddings(connection, [], encoder.id, np.empty((0, 0), dtype=np.float32))  # a batch of failures only


@pytest.mark.parametrize("n", [0, 2, 3, 4, 7])
@pytest.mark.usefixtures("pages_of_three")
def test_embeddings_behind_a_watermark_come_in_pages(
    connection: Connection, source: KnownSource, encoder: KnownEncoder, n: int
) -> None:
    made = embed(connection, source, encoder, n)
    for watermark in (0, *made):
        pages = list(queries.embeddings_after(connection, encoder.id, 4, watermark))
        found = [id_ for page, _, _ in pages for id_ in page.tolist()]
        assert found == [id_ for id_ in made if id_ > watermark]
        assert all(vectors.shape == (len(page), 4) for page, vectors, _ in pages)


@pytest.mark.usefixtures("pages_of_three")
def test_bytes_that_are_no_vector_are_named_and_the_rest_is_read(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    made = embed(connection, source, encoder, 5)
    for id_, raw in zip(made[:4], (b"", b"short", bytes(9), bytes(6)), strict=True):
        connection.execute(update(Embedding).where(Embedding.id == id_).values(vector=raw))
    pages = list(queries.embeddings_after(connection, encoder.id, 4, 0))
    assert [bad for _, _, bad in pages] == [made[:3], made[3:4]]
    assert [found.tolist() for found, _, _ in pages] == [[], made[4:]]


def test_the_embeddings_of_encoders_are_kept_apart(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    mine = embed(connection, source, encoder, 2)
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    (item,) = save(connection, source, "/photos/other")
    queries.add_embeddings(connection, [item], other.id, HALVES[:1])
    assert queries.embedding_ids(connection, encoder.id).tolist() == mine
    assert queries.extent(connection, encoder.id, 10**9) == (2, mine[-1])
    assert queries.embedding_of_path(connection, "/photos/other", encoder.id) is None
    assert [len(found) for found, _, _ in queries.embeddings_after(connection, encoder.id, 4, 0)] == [2]


def test_the_extent_counts_up_to_the_watermark_and_names_the_newest(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    assert queries.extent(connection, encoder.id, 0) == (0, 0)
    made = embed(connection, source, encoder, 4)
    assert queries.extent(connection, encoder.id, 0) == (0, made[3])
    assert queries.extent(connection, encoder.id, made[1]) == (2, made[3])


def test_the_id_of_a_removed_embedding_is_never_given_again(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    first = embed(connection, source, encoder, 3)
    queries.remove_items(connection, [item.id for item in queries.known_files(connection, "/photos")])
    assert count(connection, Embedding) == 0
    # an index that was written up to first[2] would take a new embedding of that id for the old one
    assert embed(connection, source, encoder, 1)[0] > first[2]


def test_filters_choose_by_folder_and_time(connection: Connection, source: KnownSource, encoder: KnownEncoder) -> None:
    days = [datetime.fromisoformat(f"2024-05-0{day}") for day in (1, 2, 3)]
    places = ["/photos/a/1", "/photos/b/2", "/photos/b/3"]
    items = queries.save_items(
        connection,
        [row(source, place, taken_at=day) for place, day in zip(places, days, strict=True)]
        + [row(source, "/photos/undated", taken_at=None)],
    )
    queries.add_embeddings(connection, items, encoder.id, HALVES[:4])
    made = queries.embedding_ids(connection, encoder.id).tolist()

    def chosen(**values: Any) -> list[int]:
        return [made.index(id_) for id_ in queries.embedding_ids(connection, encoder.id, Filters(**values))]

    assert chosen() == [0, 1, 2, 3]
    assert chosen(folder="/photos/b") == [1, 2]
    assert chosen(after=days[1]) == [1, 2]  # at that moment or later
    assert chosen(before=days[1]) == [0]  # earlier than that moment
    assert chosen(folder="/photos/b", after=days[0], before=days[2]) == [1]
    assert chosen(folder="/nowhere") == []


@pytest.mark.usefixtures("pages_of_three")
def test_found_items_carry_what_a_hit_shows(connection: Connection, source: KnownSource, encoder: KnownEncoder) -> None:
    facts = {
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "taken_at": NOON,
        "taken_from": "exif",
        "latitude": -33.5,
        "longitude": 151.25,
        "camera": "Recall One",
    }
    made = embed(connection, source, encoder, 7, **facts)
    found = queries.found_items(connection, [made[6], made[0], 999, *made[1:6]])
    assert found.keys() == set(made)  # 999 is gone
    item, unit = connection.execute(select(Unit.item_id, Unit.id).order_by(Unit.id)).first() or (0, 0)
    assert found[made[0]] == FoundItem(made[0], item, unit, "/photos/00", **facts)  # type: ignore[arg-type]
    assert queries.found_items(connection, []) == {}


def test_the_embedding_of_a_path_comes_with_its_item(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    made = embed(connection, source, encoder, 2, size=3)
    (failed,) = save(connection, source, "/photos/failed", failure="empty")
    found = queries.embedding_of_path(connection, "/photos/01", encoder.id)
    assert found is not None
    assert (found[0].path, found[0].size, found[1]) == ("/photos/01", 3, made[1])
    assert queries.embedding_of_path(connection, "/photos/failed", encoder.id) is None
    assert failed


def test_items_that_lack_a_usable_embedding_are_named(
    connection: Connection, source: KnownSource, encoder: KnownEncoder
) -> None:
    made = embed(connection, source, encoder, 3)
    save(connection, source, "/photos/none")
    save(connection, source, "/photos/failed", failure="empty")
    lacking = queries.items_without(connection, encoder.id, ids(made[0], made[2]))
    assert [path for _, path in lacking] == ["/photos/01", "/photos/none"]


def test_failures_are_listed_and_counted_by_place(connection: Connection, source: KnownSource) -> None:
    save(connection, source, "/photos/a/2", "/photos/a/1", failure="damaged", failure_message="cut off")
    save(connection, source, "/photos/b/3", failure="empty", failure_message="zero bytes")
    save(connection, source, "/photos/b/4")
    assert list(queries.failures(connection, "/photos/a", limit=1)) == [Failure("/photos/a/1", "damaged", "cut off")]
    assert [failure.path for failure in queries.failures(connection)] == ["/photos/a/1", "/photos/a/2", "/photos/b/3"]
    assert queries.count_items(connection) == (1, 3)
    assert queries.count_items(connection, "/photos/b") == (1, 1)
    assert queries.count_items(connection, "/photos/c") == (0, 0)


# --- Encoders and sources -------------------------------------------------------------------------------------------


def test_the_active_encoder_comes_back_with_its_preprocessing(connection: Connection, source: KnownSource) -> None:
    how = Preprocess(224, "squash", "bilinear", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), fill=127)
    made = encoders.set_active_encoder(connection, name="compact", fingerprint="f" * 40, dim=4, preprocess=how)
    embed(connection, source, made, 1)
    assert encoders.active_encoder(connection) == made
    assert made == KnownEncoder(made.id, "compact", "f" * 40, 4, how)


def test_a_library_without_embeddings_has_no_encoder_and_may_take_another(
    connection: Connection, source: KnownSource
) -> None:
    assert encoders.active_encoder(connection) is None
    first = encoders.set_active_encoder(connection, name="a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    save(connection, source, "/photos/failed", failure="damaged")
    assert encoders.active_encoder(connection) is None
    other = encoders.set_active_encoder(connection, name="b", fingerprint="g", dim=4, preprocess=Preprocess(8))
    embed(connection, source, other, 1)
    assert encoders.active_encoder(connection) == other
    assert other.id != first.id


def test_an_encoder_is_known_by_its_fingerprint_and_takes_a_new_name(
    connection: Connection, source: KnownSource
) -> None:
    old = encoders.set_active_encoder(connection, name="local-dir:/a", fingerprint="f", dim=4, preprocess=Preprocess(8))
    embed(connection, source, old, 1)
    encoders.set_active_encoder(connection, name="local-dir:/b", fingerprint="f", dim=4, preprocess=Preprocess(8))
    assert encoders.active_encoder(connection) == old._replace(name="local-dir:/b")


def test_a_source_inside_another_takes_over_what_that_has_from_there(connection: Connection) -> None:
    outer, beside = add(connection, "/photos"), add(connection, "/photos2")
    save(connection, outer, "/photos/2019/a", "/photos/2020/b")
    save(connection, beside, "/photos2/c")
    inner = add(connection, "/photos/2019", former=outer)
    owners = connection.scalars(select(Item.source_id).order_by(Item.path)).all()
    assert owners == [inner.id, outer.id, beside.id]
    assert [item.path for item in queries.known_files(connection, "/photos", outer.id)] == ["/photos/2020/b"]
    assert known_paths(connection, "/photos") == ["/photos/2019/a", "/photos/2020/b"]


def test_a_source_around_another_leaves_it_what_it_has(connection: Connection) -> None:
    inner = add(connection, "/photos/2019", exclude=["*.png"], include_hidden=True)
    save(connection, inner, "/photos/2019/a")
    add(connection, "/photos")
    assert [known.root for known in sources.sources(connection)] == ["/photos", "/photos/2019"]
    assert [known.root for known in sources.sources_inside(connection, "/photos")] == ["/photos/2019"]
    assert [known.root for known in sources.sources_inside(connection, "/")] == ["/photos", "/photos/2019"]
    assert sources.sources_inside(connection, "/photos/2019") == []
    assert connection.scalars(select(Item.source_id)).all() == [inner.id]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photos", "/photos"),
        ("/photos/a/b", "/photos"),
        ("/photos/2019", "/photos/2019"),  # the innermost
        ("/photos/2019/a", "/photos/2019"),
        ("/photos/20190", "/photos"),
        ("/photos2", None),
        ("/", None),
        ("/phot", None),
    ],
)
def test_the_source_around_a_path_is_found(connection: Connection, path: str, expected: str | None) -> None:
    for root in ("/photos", "/photos/2019"):
        add(connection, root, exclude=["*.png"], include_hidden=True)
    found = sources.source_around(connection, path)
    assert (found.root if found else None) == expected
    if found:
        assert (found.exclude, found.include_hidden, found.synced_at) == (["*.png"], True, None)


def test_everything_is_below_a_source_that_is_the_root_of_the_disk(connection: Connection) -> None:
    add(connection, "/")
    for path in ("/", "/a/b"):
        found = sources.source_around(connection, path)
        assert found is not None
        assert found.root == "/"


def test_a_path_is_known_as_it_is_written_or_else_with_links_resolved(connection: Connection, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    place = os.path.realpath(real)
    assert sources.known_place(connection, tmp_path / "link") == place
    assert sources.known_place(connection, tmp_path / "link" / "a.jpg") == f"{place}/a.jpg"
    source = add(connection, "/photos")
    save(connection, source, f"{tmp_path}/link/a.jpg")  # met through a link out of another source
    assert sources.known_place(connection, tmp_path / "link") == f"{tmp_path}/link"
    assert sources.known_place(connection, tmp_path / "link" / "a.jpg") == f"{tmp_path}/link/a.jpg"
    assert sources.known_place(connection, "/photos/../photos") == "/photos"


def test_forgetting_a_place_takes_its_items_and_sources(connection: Connection, source: KnownSource) -> None:
    save(connection, source, "/photos/a/1", "/photos/a/2", "/photos/b/3")
    assert sources.forget(connection, "/photos/a") == 2
    assert [known.root for known in sources.sources(connection)] == ["/photos"]
    assert sources.forget(connection, "/") == 1
    assert sources.sources(connection) == []


def test_a_source_that_left_the_disk_goes_when_nothing_is_left_of_it(connection: Connection, tmp_path: Path) -> None:
    for root in (str(tmp_path), "/gone/empty", "/gone/used"):
        add(connection, root)
    used = sources.source_around(connection, "/gone/used")
    assert used is not None
    save(connection, used, "/gone/used/a")
    sources.drop_left(connection)
    assert {known.root for known in sources.sources(connection)} == {str(tmp_path), "/gone/used"}


# --- The database ---------------------------------------------------------------------------------------------------


def plans(engine: Engine, connection: Connection, run: Any) -> list[str]:
    """Return how SQLite carries out every SELECT that `run` sends."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        run()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return [
        step[3]
        for statement, parameters in sent
        if statement.startswith("SELECT")
        for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    ]


@pytest.mark.parametrize(
    "name",
    ["known_files", "same_content", "size_is_known", "count", "all", "after", "found", "extent", "of_path", "save"],
)
def test_no_statement_reads_a_whole_table(
    engine: Engine, connection: Connection, source: KnownSource, encoder: KnownEncoder, name: str
) -> None:
    made = embed(connection, source, encoder, 20, content_hash=b"h")
    run = {
        "known_files": lambda: list(queries.known_files(connection, "/photos")),
        "same_content": lambda: queries.same_content(connection, 1, b"h"),
        "size_is_known": lambda: queries.size_is_known(connection, 1),
        "count": lambda: queries.count_items(connection, "/photos/0"),
        "all": lambda: queries.embedding_ids(connection, encoder.id),
        "after": lambda: list(queries.embeddings_after(connection, encoder.id, 4, 0)),
        "found": lambda: queries.found_items(connection, made[:2]),
        "extent": lambda: queries.extent(connection, encoder.id, 5),
        "of_path": lambda: queries.embedding_of_path(connection, "/photos/01", encoder.id),
        "save": lambda: save(connection, source, "/photos/01"),
    }[name]
    steps = plans(engine, connection, run)
    assert steps
    assert not [step for step in steps if step.startswith("SCAN")]
    if name in {"known_files", "all", "after"}:  # read in pages: sorting again for each would take n² time
        assert not [step for step in steps if "TEMP B-TREE" in step or "MULTI-INDEX OR" in step]


def test_readers_see_one_state_while_another_writes(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as writer:
        source = add(writer, "/photos")
        save(writer, source, "/photos/a")
    other = open_engine(tmp_path / "catalog.db")
    with other.connect() as reader:
        assert queries.count_items(reader) == (1, 0)
        with engine.begin() as writer:
            save(writer, source, "/photos/b")
        assert queries.count_items(reader) == (1, 0)  # the snapshot that it began with
    with other.connect() as reader:
        assert queries.count_items(reader) == (2, 0)
    other.dispose()


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    with suppress(KeyboardInterrupt), engine.begin() as connection:
        add(connection, "/photos")
        raise KeyboardInterrupt
    with engine.connect() as connection:
        assert sources.sources(connection) == []


def test_a_file_that_is_no_database_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is no database, although it is long enough to be one" * 100)
    engine = open_engine(tmp_path / "catalog.db")
    said = r"is damaged \(file is not a database\); restore it from a backup"
    with pytest.raises(StorageError, match=said), storage_errors(tmp_path):
        upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(28, "No space left on device"), "the disk of /library is full; what was committed is kept"),
        (PermissionError(13, "Permission denied"), "make it writable or name another library with --library"),
        (OSError(30, "Read-only file system"), "make it writable or name another library with --library"),
        (OSError(5, "Input/output error"), "the catalog of /library cannot be used: Input/output error"),
    ],
)
def test_what_the_disk_says_becomes_advice(error: OSError, advice: str) -> None:
    with pytest.raises(StorageError, match=re.escape(advice)), storage_errors(Path("/library")):
        raise error


def test_a_folder_whose_name_has_signs_of_a_uri_can_hold_a_catalog(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"50% off? #1 \xff&mode=memory")
    folder.mkdir()
    engine = open_engine(folder / "catalog.db")
    upgrade(engine)
    engine.dispose()
    assert (folder / "catalog.db").stat().st_size > 0
