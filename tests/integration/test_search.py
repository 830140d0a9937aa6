"""Searches over colours: words, pictures and filters against what a head or a plain loop says."""

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
    """Return the names of the photos found, in order."""
    return [hit.path.name for hit in hits]


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of six photos, red and blue ones, in two folders, taken in the first days of May 2024."""
    for day, (name, colour) in enumerate(
        (("a/red.png", "red"), ("a/orange.png", "orange"), ("a/blue.png", "blue"), ("b/navy.png", "navy"),
         ("b/lime.png", "lime"), ("b/tomato.png", "tomato")), start=1,
    ):  # fmt: skip
        paint(folder / name, colour, taken_at=datetime(2024, 5, day, 12))  # noqa: DTZ001 - cameras write local time
    library.sync(folder)
    return library


def test_words_find_the_colour_that_they_name(colours: Library) -> None:
    # cosines with red (1, 0, 0): tomato (255, 99, 71) .90, orange (255, 165, 0) .84
    assert names(colours.search("something red", k=3)) == ["red.png", "tomato.png", "orange.png"]
    assert [round(hit.score, 2) for hit in colours.search("red", k=3)] == [1.0, 0.9, 0.84]
    assert set(names(colours.search("blue", k=2))) == {"blue.png", "navy.png"}


def test_a_picture_finds_itself_first_as_file_bytes_and_picture(colours: Library, folder: Path) -> None:
    for path in folder.rglob("*.png"):
        if path.name in {"blue.png", "navy.png"}:
            continue  # of one hue, so of one vector
        for asked in (path, path.read_bytes(), Image.open(path)):
            best = colours.search(asked, k=1)[0]
            assert (best.path, round(best.score, 3)) == (path, 1.0)


def test_similar_leaves_the_photo_itself_out_and_encodes_nothing(
    colours: Library, folder: Path, encoder: FakeEncoder
) -> None:
    before = list(encoder.pictures)
    assert names(colours.similar(folder / "a" / "red.png", k=2)) == ["tomato.png", "orange.png"]
    assert len(colours.similar(folder / "a" / "red.png", k=100)) == 5
    assert encoder.pictures == before


def test_similar_to_a_known_photo_works_without_its_encoder(colours: Library, folder: Path) -> None:
    with Library.open(colours.path) as other:  # nobody can load an encoder "fake/colours"
        assert names(other.similar(folder / "a" / "blue.png", k=1)) == ["navy.png"]


def test_similar_to_a_stranger_encodes_it_and_leaves_nothing_out(colours: Library, tmp_path: Path) -> None:
    stranger = paint(tmp_path / "stranger.png", "red")
    assert names(colours.similar(stranger, k=1)) == ["red.png"]


def test_similar_to_a_photo_that_was_edited_looks_at_the_new_picture(colours: Library, folder: Path) -> None:
    path = paint(folder / "a" / "red.png", "blue", note="edited")
    advance_mtime(path)
    assert set(names(colours.similar(path, k=2))) == {"blue.png", "navy.png"}


def test_words_and_picture_together_find_what_is_between_them(colours: Library, folder: Path) -> None:
    # red + lime = yellow direction (1, 1, 0): orange .98, then red and lime, .71 both
    hits = colours.search("red", image=folder / "b" / "lime.png", k=3)
    assert names(hits) == ["orange.png", "tomato.png", "red.png"]
    assert [score.part for score in hits[0].part_scores] == ["red", str(folder / "b" / "lime.png")]
    assert names(colours.search("red", image=str(folder / "b" / "lime.png"), k=3)) == names(hits)


def test_a_query_of_several_texts_and_pictures_counts_each_part_the_same(colours: Library, folder: Path) -> None:
    query = Query(texts=["red", "lime"], images=[folder / "a" / "blue.png"])
    hits = colours.search(query, k=6)
    expected = (hits[0].part_scores[0].score + hits[0].part_scores[1].score + hits[0].part_scores[2].score) / np.sqrt(3)
    assert hits[0].score == pytest.approx(expected, abs=1e-4)  # the three are at right angles


def test_a_part_with_a_weight_below_0_pushes_away(colours: Library, folder: Path) -> None:
    # orange (255, 165, 0) without lime is nearer to red than to itself: 1 - .84 of it is left of the green
    without = Query(texts=["orange", "lime"], weights=[1, -0.5])
    assert names(colours.search(without, k=2)) == ["red.png", "tomato.png"]
    assert [(score.part, score.weight) for score in colours.search(without, k=1)[0].part_scores] == [
        ("orange", 1),
        ("lime", -0.5),
    ]
    least = colours.search(Query(images=[folder / "a" / "red.png"], weights=[-1]), k=6)
    assert names(least)[-1] == "red.png"


def test_a_query_without_a_usable_vector_is_refused(colours: Library, folder: Path) -> None:
    encoder = FakeEncoder(unusable=((255, 0, 0),))
    with (
        Library.open(colours.path, encoder=encoder) as library,
        pytest.raises(EncoderError, match="encoder 'fake/colours' returns numbers that are not finite"),
    ):
        library.search(Image.open(folder / "a/red.png"))


def test_a_weight_of_2_is_the_part_said_twice(colours: Library) -> None:
    twice = colours.search(Query(texts=["red", "red", "lime"]), k=6)
    heavy = colours.search(Query(texts=["red", "lime"], weights=[2, 1]), k=6)
    assert [(hit.path, round(hit.score, 5)) for hit in twice] == [(hit.path, round(hit.score, 5)) for hit in heavy]


@pytest.mark.parametrize("texts", [["red", "red"], ["red", "something red"]])
def test_parts_that_cancel_out_are_an_error(colours: Library, texts: list[str]) -> None:
    with pytest.raises(QueryError, match="the parts of the query cancel out; leave one of them out"):
        colours.search(Query(texts, weights=[1, -1]))


@pytest.mark.parametrize("weight", [0, float("nan"), float("inf")])
def test_a_weight_that_is_0_or_not_finite_is_an_error(weight: float) -> None:
    with pytest.raises(QueryError, match="expected a number other than 0"):
        Query(texts=["red"], weights=[weight])
    with pytest.raises(ValueError, match="there are 2 weights for 1 parts"):
        Query(texts=["red"], weights=[1, weight])


@pytest.fixture
def mixed(colours: Library) -> Library:
    """Return the library with a text beside its photos: two chunks that are read as lime and as red."""
    with colours._store.transaction() as connection:
        (source,) = sources.sources(connection)
        known = encoders.active_encoder(connection)
        assert known is not None
        values = {"source_id": source.id, "path": source.root + "/z.txt", "modality": "text", "size": 1, "mtime_ns": 1}
        (item,) = writes.save_items(connection, [values | {"indexed_at": utc_now()}])
        vectors = np.array([[0, 1, 0], [1, 0, 0]], dtype=np.float32)
        texts = ["as green as grass", "as red as blood"]
        writes.add_embeddings(connection, [item, item], known.id, vectors, kind=Modality.TEXT, texts=texts)
    return colours


def test_an_item_of_several_units_is_one_hit_that_shows_the_best_of_them(mixed: Library) -> None:
    hits = mixed.search("red", k=7)
    assert len(hits) == 7
    (text,) = [hit for hit in hits if hit.kind is Modality.TEXT]
    assert (text.path.name, text.text, round(text.score, 3)) == ("z.txt", "as red as blood", 1.0)
    assert mixed.search("lime", k=7, kind="texts")[0].text == "as green as grass"


def test_photos_and_texts_can_be_searched_apart(mixed: Library, folder: Path) -> None:
    assert names(mixed.search("red", kind="texts", k=9)) == ["z.txt"]
    photos = mixed.search("red", kind="photos", k=9)
    assert len(photos) == 6
    assert {hit.kind for hit in photos} == {Modality.PHOTO}
    assert mixed.search("red", kind="texts", folder=folder / "a") == []
    assert len(mixed.similar(folder / "a" / "red.png", k=9)) == 5  # among photos only
    assert [hit.text for hit in mixed.search("red", kind="photos", k=1)] == [None]


def test_a_library_without_texts_has_none_to_find(colours: Library) -> None:
    assert colours.search("red", kind="texts") == []


def test_each_filter_keeps_exactly_what_it_says(colours: Library, folder: Path) -> None:
    search = colours.search
    assert set(names(search("red", folder=folder / "a"))) == {"red.png", "orange.png", "blue.png"}
    assert names(search("red", folder=folder / "b" / "lime.png")) == ["lime.png"]
    assert set(names(search("red", after=date(2024, 5, 5)))) == {"lime.png", "tomato.png"}
    assert set(names(search("red", before=date(2024, 5, 3)))) == {"red.png", "orange.png"}
    assert names(search("red", after=date(2024, 5, 3), before=date(2024, 5, 4))) == ["blue.png"]
    assert names(search("red", folder=folder / "b", before=date(2024, 5, 5))) == ["navy.png"]
    assert search("red", after=date(2030, 1, 1)) == []
    noon = datetime(2024, 5, 6, 12)  # noqa: DTZ001 - as above
    assert names(search("red", after=noon)) == ["tomato.png"]
    assert "tomato.png" not in names(search("red", before=noon))


def test_a_filtered_search_is_the_exact_search_over_what_the_filter_keeps(library: Library, folder: Path) -> None:
    pick = random.Random(4)
    for number in range(120):
        colour = (pick.randrange(256), pick.randrange(256), pick.randrange(256))
        moment = datetime(2024, 1 + pick.randrange(12), 1 + pick.randrange(28))  # noqa: DTZ001 - as above
        paint(folder / str(pick.randrange(3)) / f"{number:03}.png", colour, taken_at=moment)
    library.sync(folder)
    stored = {
        Path(path.decode()): (datetime.fromisoformat(taken_at), np.frombuffer(vector, "<f2").astype(np.float32), item)
        for path, taken_at, vector, item in rows(
            library.path,
            "SELECT path, taken_at, vector, items.id FROM items JOIN units ON item_id = items.id "
            "JOIN embeddings ON unit_id = units.id",
        )
    }
    query = np.array([1.0, 0.0, 1.0], dtype=np.float32) / np.sqrt(2)  # magenta
    after, before = datetime(2024, 3, 5), datetime(2024, 10, 1)  # noqa: DTZ001 - as above
    for k in (1, 7, 500):
        for place in ("0", "2"):
            kept = [
                (-float(vector @ query) / float(np.linalg.norm(vector)), item, path)
                for path, (moment, vector, item) in stored.items()
                if path.parent.name == place and after <= moment < before
            ]
            hits = library.search("magenta", k=k, folder=folder / place, after=after, before=before)
            assert len(hits) == min(k, len(kept))
            assert [hit.score for hit in hits] == pytest.approx([-row[0] for row in sorted(kept)[:k]], abs=1e-5)
            assert {hit.path for hit in hits} <= {row[2] for row in kept}


def test_more_results_than_photos_are_all_photos(colours: Library) -> None:
    assert len(colours.search("red", k=10**9)) == 6


def test_equal_scores_are_ordered_by_item(library: Library, folder: Path) -> None:
    for name in ("z", "m", "a", "q"):
        paint(folder / f"{name}.png", "red")
        library.sync(folder)  # one by one, so that items are numbered in this order
    for k in (1, 2, 4):
        assert names(library.search("red", k=k)) == ["z.png", "m.png", "a.png", "q.png"][:k]


def test_a_hit_can_be_written_as_json(colours: Library) -> None:
    written = json.loads(json.dumps(colours.search("red", k=1)[0].to_dict()))
    assert written["path"].endswith("/a/red.png")
    assert (written["score"], written["part_scores"]) == (1.0, [{"part": "red", "score": 1.0, "weight": 1.0}])
    assert (written["taken_at"], written["taken_from"]) == ("2024-05-01T12:00:00", "exif")
    assert (written["format"], written["width"], written["height"]) == ("PNG", 16, 12)


def test_hits_become_a_table_of_pandas(colours: Library) -> None:
    frame = colours.search(Query(texts=["red", "lime"]), k=3).to_frame()
    assert [Path(path).name for path in frame["path"]] == ["orange.png", "tomato.png", "red.png"]
    assert frame["part: red"].round(2).tolist() == [0.84, 0.9, 1.0]
    assert str(frame["taken_at"].iloc[0]) == "2024-05-02 12:00:00"
    assert colours.search("red", after=date(2030, 1, 1)).to_frame().empty


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_results_is_an_error(colours: Library, folder: Path, k: int) -> None:
    with pytest.raises(QueryError, match="expected at least 1"):
        colours.search("red", k=k)
    with pytest.raises(QueryError, match="expected at least 1"):
        colours.similar(folder / "a" / "red.png", k=k)


def test_a_query_that_asks_nothing_is_an_error(colours: Library) -> None:
    with pytest.raises(QueryError, match="the query text is blank"):
        colours.search(" ")
    with pytest.raises(QueryError, match="the query is empty; give words, a picture, or both"):
        Query()


def test_a_filter_in_the_query_and_arguments_beside_it_all_have_to_hold(colours: Library, folder: Path) -> None:
    query = Query(texts=["red"], where=Filter.folder(folder / "a"))
    assert names(colours.search(query, before=date(2024, 5, 2))) == ["red.png"]


def test_a_query_picture_that_is_none_says_what_is_wrong_with_it(colours: Library, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("milk")
    with pytest.raises(QueryError, match=r"text\.jpg cannot be used as a query: "):
        colours.search(tmp_path / "text.jpg")
    with pytest.raises(QueryError, match=r"gone\.jpg cannot be used as a query: the file does not exist"):
        colours.similar(tmp_path / "gone.jpg")
    with pytest.raises(QueryError, match="the query picture cannot be used as a query: the file is empty"):
        colours.search(b"")


def test_pictures_with_transparency_palette_or_grey_are_queries_too(colours: Library) -> None:
    for mode in ("RGBA", "P", "CMYK"):
        assert names(colours.search(Image.new("RGB", (9, 9), "red").convert(mode), k=1)) == ["red.png"]
    buffer = io.BytesIO(photo_bytes("lime"))
    assert names(colours.search(buffer.getvalue(), k=1)) == ["lime.png"]


def test_a_folder_that_is_not_indexed_is_an_error_not_an_empty_answer(colours: Library, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="the library has nothing from"):
        colours.search("red", folder=tmp_path / "elsewhere")
    with pytest.raises(QueryError, match="the library has nothing from"):
        colours.search("red", folder=tmp_path / "pict")  # the beginning of a name is no folder


def test_an_empty_library_says_how_to_fill_it(library: Library) -> None:
    with pytest.raises(LibraryError, match="holds nothing yet; run: recall index FOLDER"):
        library.search("red")
    with pytest.raises(LibraryError, match="holds nothing yet"):
        library.similar("red.png")
