"""Items that an app adds: without a file, found by id, metadata and search, never touched by a sync."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.errors import AddError, LibraryLockedError, PictureError
from retrieval import Filter, Library, Modality
from tests.support.color_photos import paint
from tests.support.contents import catalog_file, count, picture_files
from tests.support.encoders import FakeEncoder
from tests.support.pictures import picture_bytes

RED, LIME, BLUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def test_texts_are_added_under_their_ids_and_found(library: Library) -> None:
    report = library.add(texts=["a red shoe", "a blue hat"], ids=["shoe", "hat"])
    assert (report.ids, report.added, report.failures) == (["shoe", "hat"], 2, [])
    hits = library.search("red", k=2)
    assert [hit.id for hit in hits] == ["shoe", "hat"]
    assert (hits[0].kind, hits[0].text, hits[0].collection) == (Modality.TEXT, "a red shoe", "default")


def test_pictures_are_added_as_paths_bytes_open_pictures_and_arrays(library: Library, tmp_path: Path) -> None:
    images: list[Any] = [
        paint(tmp_path / "red.png", "red"),
        picture_bytes("lime"),
        Image.new("RGB", (30, 20), "blue"),
        np.full((20, 30, 3), (255, 255, 0), dtype=np.uint8),
    ]
    report = library.add(images=images, ids=["path", "bytes", "open", "array"])
    assert (report.added, report.failures) == (4, [])
    best = {word: library.search(word, k=1)[0].id for word in ("red", "lime", "blue", "yellow")}
    assert best == {"red": "path", "lime": "bytes", "blue": "open", "yellow": "array"}


def test_any_iterator_of_pictures_is_added(library: Library) -> None:
    report = library.add(images=(picture_bytes(color) for color in ("red", "lime", "blue")))
    assert (report.added, len(library)) == (3, 3)


def test_the_id_is_the_hash_of_the_content_so_that_adding_twice_changes_nothing(
    library: Library, encoder: FakeEncoder
) -> None:
    red, text = picture_bytes("red"), "a lime tree"
    expected = [hashlib.sha256(red).hexdigest(), hashlib.sha256(text.encode()).hexdigest()]
    assert library.add(images=[red, None], texts=[None, text]).ids == expected
    encoded = sum(encoder.pictures), len(encoder.texts)
    again = library.add(images=[red, None], texts=[None, text])
    assert (again.ids, again.unchanged, again.added, len(library)) == (expected, 2, 0, 2)
    assert (sum(encoder.pictures), len(encoder.texts)) == encoded, "what is unchanged is not encoded"


def test_a_text_beside_a_picture_is_words_of_the_same_item(library: Library) -> None:
    library.add(images=[picture_bytes("red")], texts=["a lime tree"], ids=["both"])
    assert [(hit.id, hit.kind) for hit in library.search("red", k=5)] == [("both", Modality.PHOTO)]
    assert [hit.id for hit in library.search("tree", k=5)] == ["both"]
    assert library.get("both")[0].text == "a lime tree"


def test_vectors_are_taken_as_they_are_at_unit_length(library: Library, encoder: FakeEncoder) -> None:
    library.add(vectors=[[2.0, 0.0, 0.0], [0.0, 0.0, 0.5]], ids=["red", "blue"])
    library.add(vectors=np.array([LIME]), texts=["a text with a vector of its own"], ids=["lime"])
    assert not encoder.pictures
    assert not encoder.texts
    items = library.get(["red", "blue", "lime"], vectors=True)
    assert [item.vector.tolist() for item in items if item.vector is not None] == [RED, BLUE, LIME]
    assert [item.kind for item in items] == [Modality.PHOTO, Modality.PHOTO, Modality.TEXT]
    assert library.search("blue", k=1)[0].id == "blue"


def test_a_long_text_is_cut_into_pieces_of_one_item(library: Library, encoder: FakeEncoder) -> None:
    text = (
        "one two three four five six seven eight. nine ten eleven lime twelve thirteen fourteen. fifteen sixteen red."
    )
    library.add(texts=[text], ids=["long"])
    assert len(encoder.texts) > 1
    assert [hit.id for hit in library.search("lime", k=5)] == ["long"]
    assert library.get("long")[0].text == text


def test_metadata_comes_back_as_it_was_given(library: Library) -> None:
    metadata = {
        "price": 3,
        "weight": 2.5,
        "sold": False,
        "shop": "Łódź",
        "tags": ["a", "b"],
        "size": None,
        "big": 2**60,
    }
    library.add(texts=["a red shoe"], ids=["shoe"], metadata=[metadata], uris=["https://example.org/shoe"])
    item, hit = library.get("shoe")[0], library.search("red")[0]
    assert item.metadata == hit.metadata == metadata
    assert item.uri == hit.uri == "https://example.org/shoe"
    assert {type(item.metadata[key]) for key in ("price", "weight", "sold")} == {int, float, bool}


def test_get_returns_items_in_the_order_of_the_ids_and_leaves_unknown_ones_out(library: Library) -> None:
    library.add(texts=["red", "lime", "blue"], ids=["r", "g", "b"])
    assert [item.id for item in library.get(["b", "nothing", "r"])] == ["b", "r"]
    assert "g" in library
    assert "nothing" not in library


def test_files_and_rows_of_tables_are_found_by_what_names_them(library: Library, folder: Path, tmp_path: Path) -> None:
    photo = paint(folder / "red#1.png", "red")
    table = tmp_path / "captions.csv"
    table.write_text("key,caption\nx#y,a lime tree\n")
    library.sync(folder)
    library.sync(table, text_columns=["caption"], id_column="key")
    assert [item.id for item in library.list(sort="path")] == [f"{table}#x#y", str(photo)]
    assert [item.path for item in library.get([str(photo), f"{table}#x#y"])] == [photo, table]


def test_ids_are_unique_in_a_collection_only(library: Library) -> None:
    library.add(texts=["red"], ids=["1"], collection="shoes")
    library.add(texts=["blue"], ids=["1"], collection="hats")
    assert [(item.collection, item.text) for item in library.get("1")] == [("hats", "blue"), ("shoes", "red")]
    assert [item.text for item in library.get("1", collection="shoes")] == ["red"]
    assert library.delete(["1"], collection="shoes") == 1
    assert [item.collection for item in library.get("1")] == ["hats"]


@pytest.mark.parametrize(
    ("on_conflict", "text", "counts"),
    [("replace", "blue", (1, 0)), ("skip", "red", (0, 1)), ("replace", "red", (0, 1))],
)
def test_an_id_that_exists_is_replaced_or_left_as_it_is(
    library: Library, on_conflict: str, text: str, counts: tuple[int, int]
) -> None:
    library.add(texts=["red"], ids=["1"], metadata=[{"old": 1}])
    given = "red" if counts == (0, 1) and on_conflict == "replace" else "blue"
    metadata = {"old": 1} if given == "red" else {"new": "x"}
    report = library.add(texts=[given], ids=["1"], metadata=[metadata], on_conflict=on_conflict)  # type: ignore[arg-type]
    assert (report.replaced, report.unchanged) == counts
    item = library.get("1")[0]
    assert (item.text, item.metadata) == (text, {"new": "x"} if text == "blue" else {"old": 1})
    assert [hit.id for hit in library.search(text)] == ["1"]


def test_an_id_that_exists_can_be_an_error_and_then_nothing_is_added(library: Library) -> None:
    library.add(texts=["red"], ids=["1"])
    with pytest.raises(AddError, match="has an item '1' already"):
        library.add(texts=["lime", "blue"], ids=["2", "1"], on_conflict="error")
    assert [item.text for item in library.list()] == ["red"]


def test_update_changes_the_given_keys_and_texts(library: Library) -> None:
    library.add(texts=["red", "lime"], ids=["r", "g"], metadata=[{"price": 1, "shop": "a"}, None])
    changed = library.update(["r", "g", "nothing"], metadata=[{"price": 2}, None, None], texts=[None, "blue", "grey"])
    assert changed == 2
    red, green = library.get(["r", "g"])
    assert (red.metadata, red.text) == ({"price": 2, "shop": "a"}, "red")
    assert (green.metadata, green.text) == ({}, "blue")
    assert library.search("blue", k=1)[0].id == "g"


def test_delete_removes_added_items_and_never_files(library: Library, folder: Path) -> None:
    photo = paint(folder / "red.png", "red")
    library.sync(folder)
    library.add(texts=["red", "lime", "blue"], ids=["r", "g", "b"])
    assert library.delete(["r", "nothing", str(photo)]) == 1
    assert library.delete(where=Filter.kind(Modality.PHOTO)) == 0
    assert library.delete(collection="default") == 2
    assert [item.path for item in library.list()] == [photo]
    assert photo.exists()


def test_a_sync_touches_no_added_item(library: Library, folder: Path) -> None:
    photo = paint(folder / "red.png", "red")
    library.add(images=[photo.read_bytes(), None], texts=[None, "a lime tree"], ids=["copy", "tree"])
    report = library.sync(folder)
    assert (report.added, len(library)) == (1, 3), "an equal picture that an app added has not moved"
    photo.unlink()
    library.sync(folder, forget_missing=True)
    assert [item.id for item in library.list()] == ["copy", "tree"]
    assert [problem.kind for problem in library.check()] == []


@pytest.mark.parametrize("keep", ["original", "preview", "nothing"])
def test_an_open_picture_stays_as_it_is_and_has_one_id_whatever_is_stored(library: Library, keep: str) -> None:
    picture = Image.linear_gradient("L").resize((1800, 1200)).convert("RGB")
    before = picture.tobytes()
    report = library.add(images=[picture], keep=keep)  # type: ignore[arg-type]
    assert (picture.size, picture.tobytes()) == ((1800, 1200), before)
    assert report.ids == [hashlib.sha256(b"1800 1200 " + before).hexdigest()]
    assert library.add(images=[picture], keep=keep).unchanged == 1  # type: ignore[arg-type]
    item = library.get(report.ids)[0]
    assert (item.width, item.height) == (1800, 1200)


@pytest.mark.parametrize("keep", ["original", "preview"])
def test_a_stored_picture_comes_back(library: Library, keep: str) -> None:
    content = picture_bytes("red", "JPEG", (1600, 800))
    library.add(images=[content], ids=["big"], keep=keep)  # type: ignore[arg-type]
    picture = library.get("big")[0].picture()
    assert picture.size == ((1600, 800) if keep == "original" else (640, 320))
    red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 240
    assert max(green, blue) < 20
    assert library.search("red")[0].picture().size == picture.size


def test_a_picture_of_which_nothing_is_stored_is_read_from_its_file(library: Library, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red")
    library.add(images=[photo, picture_bytes("blue")], ids=["file", "bytes"], keep="nothing")
    with Image.open(photo) as opened:
        assert library.get("file")[0].picture().size == opened.size
    with pytest.raises(PictureError, match="no picture of the item is stored"):
        library.get("bytes")[0].picture()


def test_a_large_picture_is_a_file_of_the_library_until_its_last_item_is_deleted(library: Library) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "PNG")
    library.add(images=[content.getvalue()] * 2, ids=["one", "two"], keep="original")
    names = [path.name for path in picture_files(library)]
    assert names == ([hashlib.sha256(content.getvalue()).hexdigest()] if catalog_file(library) else [])
    library.delete(["one"])
    assert np.array_equal(np.asarray(library.get("two")[0].picture()), noise)
    library.delete(["two"])
    assert picture_files(library) == []
    assert count(library, "item_pictures") == 0


def test_scan_yields_every_item_with_its_vector(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.library.listing._SCAN_PAGE", 3)
    library.add(vectors=[RED, LIME, BLUE] * 3, ids=[str(number) for number in range(9)])
    scanned = list(library.scan(vectors=True))
    assert [item.id for item in scanned] == [str(number) for number in range(9)]
    assert [item.vector.tolist() for item in scanned[:3] if item.vector is not None] == [RED, LIME, BLUE]
    assert next(library.scan()).vector is None


def test_an_exception_in_progress_ends_the_call_and_keeps_whole_batches(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.adding.add.BATCH_ITEMS", 2)

    def stop_after_two(progress: object) -> None:
        if getattr(progress, "done", 0) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.add(vectors=[RED] * 6, ids=list("abcdef"), progress=stop_after_two)
    assert [item.id for item in library.list()] == ["a", "b"]
    assert library.add(vectors=[RED] * 6, ids=list("abcdef")).summary == "4 added, 2 unchanged"


def test_another_writer_is_waited_for(library: Library, encoder: FakeEncoder) -> None:
    library.add(texts=["red"])
    with (
        Library.open(library.name) as other,
        other._store.writing("testing", wait=0),
        pytest.raises(LibraryLockedError, match="testing"),
    ):
        library.add(texts=["lime"], wait=0)
    assert library.add(texts=["lime"], wait=0).added == 1


@pytest.fixture
def reopened(library: Library, encoder: FakeEncoder) -> Iterator[Library]:
    """Return the library as another process opens it."""
    with Library.open(library.name, encoder=encoder) as other:
        yield other


def test_added_items_are_found_by_other_processes(library: Library, reopened: Library) -> None:
    library.add(texts=["red"], ids=["r"])
    assert [hit.id for hit in reopened.search("red")] == ["r"]
    library.delete(["r"])
    library.add(texts=["lime"], ids=["g"])
    assert [hit.id for hit in reopened.search("lime", k=5)] == ["g"]


def test_a_change_of_encoder_reads_stored_pictures_and_texts(library: Library) -> None:
    library.add(images=[picture_bytes("red"), picture_bytes("lime")], ids=["kept", "original"], keep="original")
    library.add(images=[picture_bytes("blue")], texts=[None], ids=["preview"])
    library.add(texts=["a yellow bus"], ids=["text"])
    library.add(vectors=[RED], ids=["vector"])
    other = FakeEncoder(name="fake/other", fingerprint="d1" * 20)
    change = library.use_encoder(other)
    assert (change.units, change.approximate) == (5, 1), "only the vector cannot be encoded again"
    assert {word: library.search(word, k=1)[0].id for word in ("lime", "blue", "yellow")} == {
        "lime": "original",
        "blue": "preview",
        "yellow": "text",
    }
