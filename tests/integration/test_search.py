"""Searches of a library of colours, where scores can be computed by hand or by a plain loop."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.statements import encoders, sources, writes
from indexer.errors import EncoderError, LibraryError, QueryError
from indexer.types import Modality, utc_now
from retrieval import Filter, Hit, Library, Query
from tests.support.color_photos import advance_mtime, paint, photo_bytes
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder


def names(hits: Sequence[Hit]) -> list[str]:
    """Return the file names of hits, in order."""
    return [hit.path.name for hit in hits]


@pytest.fixture
def colors(library: Library, folder: Path) -> Library:
    """Return a library of six photos, red and blue ones, in two folders, taken in the first days of May 2024."""
    for day, (name, color) in enumerate(
        (("a/red.png", "red"), ("a/orange.png", "orange"), ("a/blue.png", "blue"), ("b/navy.png", "navy"),
         ("b/lime.png", "lime"), ("b/tomato.png", "tomato")), start=1,
    ):  # fmt: skip
        paint(folder / name, color, taken_at=datetime(2024, 5, day, 12))  # noqa: DTZ001 - cameras write local time
    library.sync(folder)
    return library


def test_words_find_the_color_that_they_name(colors: Library) -> None:
    # cosines with red (1, 0, 0): tomato (255, 99, 71) .90, orange (255, 165, 0) .84
    assert names(colors.search("something red", k=3)) == ["red.png", "tomato.png", "orange.png"]
    assert [round(hit.score, 2) for hit in colors.search("red", k=3)] == [1.0, 0.9, 0.84]
    assert set(names(colors.search("blue", k=2))) == {"blue.png", "navy.png"}


def test_a_picture_finds_itself_first_as_file_bytes_and_image(colors: Library, folder: Path) -> None:
    for path in folder.rglob("*.png"):
        if path.name in {"blue.png", "navy.png"}:
            continue  # they have the same hue, so the same vector
        for query in (path, path.read_bytes(), Image.open(path)):
            best = colors.search(query, k=1)[0]
            assert (best.path, round(best.score, 3)) == (path, 1.0)


def test_similar_leaves_out_the_photo_itself_and_encodes_nothing(
    colors: Library, folder: Path, encoder: FakeEncoder
) -> None:
    before = list(encoder.pictures)
    assert names(colors.similar(folder / "a" / "red.png", k=2)) == ["tomato.png", "orange.png"]
    assert len(colors.similar(folder / "a" / "red.png", k=100)) == 5
    assert encoder.pictures == before


def test_similar_to_an_indexed_photo_needs_no_encoder(colors: Library, folder: Path) -> None:
    with Library.open(colors.name) as other:  # no encoder "fake/colours" can be loaded
        assert names(other.similar(folder / "a" / "blue.png", k=1)) == ["navy.png"]


def test_similar_to_a_photo_that_is_not_indexed_leaves_nothing_out(colors: Library, tmp_path: Path) -> None:
    other = paint(tmp_path / "other.png", "red")
    assert names(colors.similar(other, k=1)) == ["red.png"]


def test_similar_to_an_edited_photo_uses_its_new_content(colors: Library, folder: Path) -> None:
    path = paint(folder / "a" / "red.png", "blue", note="edited")
    advance_mtime(path)
    assert set(names(colors.similar(path, k=2))) == {"blue.png", "navy.png"}


def test_words_and_a_picture_together_find_what_is_between_them(colors: Library, folder: Path) -> None:
    # red + lime has the direction of yellow, (1, 1, 0): orange .98, then red and lime, both .71
    hits = colors.search("red", image=folder / "b" / "lime.png", k=3, hybrid=False)
    assert names(hits) == ["orange.png", "tomato.png", "red.png"]
    assert [score.part for score in hits[0].part_scores] == ["red", str(folder / "b" / "lime.png")]
    again = colors.search("red", image=str(folder / "b" / "lime.png"), k=3, hybrid=False)
    assert names(again) == names(hits)


def test_parts_have_equal_weights_by_default(colors: Library, folder: Path) -> None:
    query = Query(texts=["red", "lime"], images=[folder / "a" / "blue.png"])
    hits = colors.search(query, k=6)
    expected = (hits[0].part_scores[0].score + hits[0].part_scores[1].score + hits[0].part_scores[2].score) / np.sqrt(3)
    assert hits[0].score == pytest.approx(expected, abs=1e-4)  # the three parts are orthogonal


def test_a_part_with_a_negative_weight_pushes_away(colors: Library, folder: Path) -> None:
    # orange (255, 165, 0) minus half of lime is nearer to red than to orange: less of the green is left
    without = Query(texts=["orange", "lime"], weights=[1, -0.5])
    assert names(colors.search(without, k=2, hybrid=False)) == ["red.png", "tomato.png"]
    assert [(score.part, score.weight) for score in colors.search(without, k=1)[0].part_scores] == [
        ("orange", 1),
        ("lime", -0.5),
    ]
    least = colors.search(Query(images=[folder / "a" / "red.png"], weights=[-1]), k=6)
    assert names(least)[-1] == "red.png"


def test_a_query_whose_vector_is_not_finite_is_an_error(colors: Library, folder: Path) -> None:
    encoder = FakeEncoder(unusable=((255, 0, 0),))
    with (
        Library.open(colors.name, encoder=encoder) as library,
        pytest.raises(EncoderError, match="encoder 'fake/colours' returns numbers that are not finite"),
    ):
        library.search(Image.open(folder / "a/red.png"))


def test_a_weight_of_2_equals_the_part_given_twice(colors: Library) -> None:
    twice = colors.search(Query(texts=["red", "red", "lime"]), k=6)
    heavy = colors.search(Query(texts=["red", "lime"], weights=[2, 1]), k=6)
    assert [(hit.path, round(hit.score, 5)) for hit in twice] == [(hit.path, round(hit.score, 5)) for hit in heavy]


@pytest.mark.parametrize("texts", [["red", "red"], ["red", "something red"]])
def test_parts_that_cancel_out_are_an_error(colors: Library, texts: list[str]) -> None:
    with pytest.raises(QueryError, match="the parts of the query cancel out; leave one of them out"):
        colors.search(Query(texts, weights=[1, -1]))


@pytest.mark.parametrize("weight", [0, float("nan"), float("inf")])
def test_a_weight_that_is_0_or_not_finite_is_an_error(weight: float) -> None:
    with pytest.raises(QueryError, match="expected a number other than 0"):
        Query(texts=["red"], weights=[weight])
    with pytest.raises(ValueError, match="there are 2 weights for 1 parts"):
        Query(texts=["red"], weights=[1, weight])


@pytest.fixture
def mixed(colors: Library) -> Library:
    """Return the library with a text of two chunks, whose vectors are those of lime and red."""
    with colors._store.transaction() as connection:
        (source,) = sources.sources(connection)
        active = encoders.active_encoder(connection)
        assert active is not None
        values = {"source_id": source.id, "path": source.root + "/z.txt", "modality": "text", "size": 1, "mtime_ns": 1}
        (item,) = writes.save_items(connection, [values | {"indexed_at": utc_now()}])
        vectors = np.array([[0, 1, 0], [1, 0, 0]], dtype=np.float32)
        texts = ["as green as grass", "as red as blood"]
        writes.add_embeddings(connection, [item, item], active.id, vectors, kind=Modality.TEXT, texts=texts)
    return colors


def test_an_item_of_several_units_is_one_hit_with_its_best_unit(mixed: Library) -> None:
    hits = mixed.search("red", k=7)
    assert len(hits) == 7
    (text,) = [hit for hit in hits if hit.kind is Modality.TEXT]
    assert (text.path.name, text.text, round(text.score, 3)) == ("z.txt", "as red as blood", 1.0)
    assert mixed.search("lime", k=7, kind="texts")[0].text == "as green as grass"


def test_kind_restricts_a_search_to_photos_or_texts(mixed: Library, folder: Path) -> None:
    assert names(mixed.search("red", kind="texts", k=9)) == ["z.txt"]
    photos = mixed.search("red", kind="photos", k=9)
    assert len(photos) == 6
    assert {hit.kind for hit in photos} == {Modality.PHOTO}
    assert mixed.search("red", kind="texts", folder=folder / "a") == []
    assert len(mixed.similar(folder / "a" / "red.png", k=9)) == 5  # photos only
    assert [hit.text for hit in mixed.search("red", kind="photos", k=1)] == [None]


def test_a_library_without_texts_gives_no_texts(colors: Library) -> None:
    assert colors.search("red", kind="texts") == []


def test_filters_by_folder_and_date_give_exactly_their_matches(colors: Library, folder: Path) -> None:
    search = colors.search
    assert set(names(search("red", folder=folder / "a"))) == {"red.png", "orange.png", "blue.png"}
    assert names(search("red", folder=folder / "b" / "lime.png")) == ["lime.png"]
    assert set(names(search("red", after=date(2024, 5, 5)))) == {"lime.png", "tomato.png"}
    assert set(names(search("red", before=date(2024, 5, 3)))) == {"red.png", "orange.png"}
    assert names(search("red", after=date(2024, 5, 3), before=date(2024, 5, 4))) == ["blue.png"]
    assert names(search("red", folder=folder / "b", before=date(2024, 5, 5))) == ["navy.png"]
    assert search("red", after=date(2030, 1, 1)) == []
    noon = datetime(2024, 5, 6, 12)  # noqa: DTZ001 - local time
    assert names(search("red", after=noon)) == ["tomato.png"]
    assert "tomato.png" not in names(search("red", before=noon))


def test_a_filtered_search_equals_an_exact_search_over_the_matches(library: Library, folder: Path) -> None:
    pick = random.Random(4)
    for number in range(120):
        color = (pick.randrange(256), pick.randrange(256), pick.randrange(256))
        taken_at = datetime(2024, 1 + pick.randrange(12), 1 + pick.randrange(28))  # noqa: DTZ001 - local time
        paint(folder / str(pick.randrange(3)) / f"{number:03}.png", color, taken_at=taken_at)
    library.sync(folder)
    stored = {
        Path(path.decode()): (datetime.fromisoformat(taken_at), np.frombuffer(vector, "<f2").astype(np.float32), item)
        for path, taken_at, vector, item in rows(
            library,
            "SELECT path, taken_at, vector, items.id FROM items JOIN units ON item_id = items.id "
            "JOIN embeddings ON unit_id = units.id",
        )
    }
    query = np.array([1.0, 0.0, 1.0], dtype=np.float32) / np.sqrt(2)  # magenta
    after, before = datetime(2024, 3, 5), datetime(2024, 10, 1)  # noqa: DTZ001 - local time
    for k in (1, 7, 500):
        for name in ("0", "2"):
            matches = [
                (-float(vector @ query) / float(np.linalg.norm(vector)), item, path)
                for path, (taken_at, vector, item) in stored.items()
                if path.parent.name == name and after <= taken_at < before
            ]
            hits = library.search("magenta", k=k, folder=folder / name, after=after, before=before)
            assert len(hits) == min(k, len(matches))
            assert [hit.score for hit in hits] == pytest.approx([-row[0] for row in sorted(matches)[:k]], abs=1e-5)
            assert {hit.path for hit in hits} <= {row[2] for row in matches}


def test_a_k_beyond_the_photos_gives_all_photos(colors: Library) -> None:
    assert len(colors.search("red", k=10**9)) == 6


def test_ties_are_ordered_by_item_id(library: Library, folder: Path) -> None:
    for name in ("z", "m", "a", "q"):
        paint(folder / f"{name}.png", "red")
        library.sync(folder)  # one by one, so that their ids have this order
    for k in (1, 2, 4):
        assert names(library.search("red", k=k)) == ["z.png", "m.png", "a.png", "q.png"][:k]


def test_a_hit_can_be_dumped_as_json(colors: Library) -> None:
    dumped = json.loads(json.dumps(colors.search("red", k=1)[0].to_dict()))
    assert dumped["path"].endswith("/a/red.png")
    assert (dumped["score"], dumped["part_scores"]) == (1.0, [{"part": "red", "score": 1.0, "weight": 1.0}])
    assert (dumped["taken_at"], dumped["taken_from"]) == ("2024-05-01T12:00:00", "exif")
    assert (dumped["format"], dumped["width"], dumped["height"]) == ("PNG", 16, 12)


def test_hits_become_a_data_frame(colors: Library) -> None:
    frame = colors.search(Query(texts=["red", "lime"]), k=3, hybrid=False).to_frame()
    assert [Path(path).name for path in frame["path"]] == ["orange.png", "tomato.png", "red.png"]
    assert frame["part: red"].round(2).tolist() == [0.84, 0.9, 1.0]
    assert str(frame["taken_at"].iloc[0]) == "2024-05-02 12:00:00"
    assert colors.search("red", after=date(2030, 1, 1)).to_frame().empty


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_1_is_an_error(colors: Library, folder: Path, k: int) -> None:
    with pytest.raises(QueryError, match="expected at least 1"):
        colors.search("red", k=k)
    with pytest.raises(QueryError, match="expected at least 1"):
        colors.similar(folder / "a" / "red.png", k=k)


def test_an_empty_query_is_an_error(colors: Library) -> None:
    with pytest.raises(QueryError, match="the query text is blank"):
        colors.search(" ")
    with pytest.raises(QueryError, match="the query is empty; give words, a picture, or both"):
        Query()


def test_the_filter_of_a_query_and_further_arguments_all_apply(colors: Library, folder: Path) -> None:
    query = Query(texts=["red"], where=Filter.folder(folder / "a"))
    assert names(colors.search(query, before=date(2024, 5, 2))) == ["red.png"]


def test_a_query_picture_that_cannot_be_read_is_an_error(colors: Library, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("milk")
    with pytest.raises(QueryError, match=r"text\.jpg cannot be used as a query: "):
        colors.search(tmp_path / "text.jpg")
    with pytest.raises(QueryError, match=r"gone\.jpg cannot be used as a query: the file does not exist"):
        colors.similar(tmp_path / "gone.jpg")
    with pytest.raises(QueryError, match="the query picture cannot be used as a query: the file is empty"):
        colors.search(b"")


def test_pictures_in_other_modes_and_as_bytes_are_queries(colors: Library) -> None:
    for mode in ("RGBA", "P", "CMYK"):
        assert names(colors.search(Image.new("RGB", (9, 9), "red").convert(mode), k=1)) == ["red.png"]
    buffer = io.BytesIO(photo_bytes("lime"))
    assert names(colors.search(buffer.getvalue(), k=1)) == ["lime.png"]


def test_a_folder_that_is_not_indexed_is_an_error(colors: Library, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="the library has nothing from"):
        colors.search("red", folder=tmp_path / "elsewhere")
    with pytest.raises(QueryError, match="the library has nothing from"):
        colors.search("red", folder=tmp_path / "pict")  # the beginning of a folder's name


def test_an_empty_library_is_an_error_with_advice(library: Library) -> None:
    with pytest.raises(LibraryError, match="holds nothing yet; run: recall index FOLDER"):
        library.search("red")
    with pytest.raises(LibraryError, match="holds nothing yet"):
        library.similar("red.png")
